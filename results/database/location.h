// Where a campaign's results are: a SQLite file, or a database of a PostgreSQL server, named by a URL as libpq reads it
// ("postgresql://user@host/base"). Several campaigns share a base by schema: "...?options=-csearch_path%3Dmycampaign".
#pragma once

#include <filesystem>
#include <string>

namespace dagan::results {

class Location {
  public:
    Location(std::filesystem::path file)
        : file_(std::move(file)) {} // a file is a location, so this converts
    Location(const char* file) : file_(file) {}

    // "postgresql://..." and "postgres://..." name a server's database, anything else a file.
    static Location parse(const std::string& text);

    bool is_server() const { return !url_.empty(); }
    const std::filesystem::path& file() const { return file_; } // empty for a server's
    const std::string& url() const { return url_; }             // empty for a file's
    std::string name() const;                                   // for messages: without a password

  private:
    std::filesystem::path file_;
    std::string url_;
};

} // namespace dagan::results
