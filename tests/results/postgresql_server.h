// A PostgreSQL server of the test's own: in a temporary folder, reachable only through a socket in it, gone at the end. Started
// as another user where the test runs as root, which PostgreSQL refuses. Its collation is not SQLite's on purpose.
#pragma once

#include "base/temporary_folder.h"
#include "results/database/location.h"
#include "support/process.h"

#include <filesystem>
#include <memory>
#include <string>

namespace dagan::results::testing {

class PostgresqlServer {
  public:
    // Its files and its socket are in a new folder below `parent`, which its user must be able to reach. Nothing where PostgreSQL
    // is not installed; throws when it is and does not start.
    static std::unique_ptr<PostgresqlServer>
    start(const std::filesystem::path& parent = std::filesystem::temp_directory_path());

    // One for the whole test program, started at first use.
    static PostgresqlServer* shared();

    // A new empty schema, where a campaign can live. With `user`, connecting as that one (see make_reader).
    Location new_schema(const std::string& user = "dagan");

    // The socket's folder, for those who build their own URL.
    std::string url(const std::string& schema, const std::string& user = "dagan") const;

    void execute(const std::string& sql); // as the owner
    void stop();                          // at once, as if it had crashed
    void start_again();                   // after stop(), with all that it had

  private:
    PostgresqlServer(const std::filesystem::path& parent, std::string bin_folder, std::string user);

    TemporaryFolder folder_;
    std::string bin_, user_; // "": our own
    std::unique_ptr<Process> process_;
    int schemas_ = 0;
};

} // namespace dagan::results::testing
