// Where a campaign's results are: a SQLite file, or a database on a PostgreSQL server.
//
// A server's database is named by a URL as libpq reads it ("postgresql://user@host/base"). Several
// campaigns share one database through schemas:
// "postgresql://user@host/base?options=-csearch_path%3Dmycampaign".
#pragma once

#include <filesystem>
#include <string>

namespace dagan::results {

class Location {
  public:
    // Implicit: a file is a location.
    Location(std::filesystem::path file) : file_(std::move(file)) {}
    Location(const char* file) : file_(file) {}

    // Reads "postgresql://..." and "postgres://..." as a server's URL, and anything else as a file.
    static Location parse(const std::string& text);

    bool is_server() const { return !url_.empty(); }
    // Empty for a server.
    const std::filesystem::path& file() const { return file_; }
    // Empty for a file.
    const std::string& url() const { return url_; }
    // Returns the file or the URL without its password, for messages.
    std::string name() const;

  private:
    std::filesystem::path file_;
    std::string url_;
};

} // namespace dagan::results
