// A private PostgreSQL server for tests. It lives in a temporary folder, listens only on a socket
// there, and is removed at the end. PostgreSQL refuses to run as root; a test that does starts it
// as another user. Its collation deliberately differs from SQLite's.
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
    // Starts a server in a new folder below `parent`, which the server's user must be able to
    // reach. Returns nullptr if PostgreSQL is not installed; throws if the server does not start.
    static std::unique_ptr<PostgresqlServer>
    start(const std::filesystem::path& parent = std::filesystem::temp_directory_path());

    // Returns the server of the whole test program, which is started at the first call; nullptr as
    // above.
    static PostgresqlServer* shared();

    // Creates an empty schema for a campaign and returns its URL, for connections as `user`.
    Location new_schema(const std::string& user = "dagan");

    // Returns the URL of a schema, for connections as `user`.
    std::string url(const std::string& schema, const std::string& user = "dagan") const;

    // Runs SQL as the owner. Throws if the server refuses it.
    void execute(const std::string& sql);
    // Stops the server at once, as a crash would.
    void stop();
    // Starts the server again after stop(), with its data.
    void start_again();

  private:
    PostgresqlServer(const std::filesystem::path& parent, std::string bin_folder, std::string user);

    TemporaryFolder folder_;
    std::string bin_;  // directory of the server's programs
    std::string user_; // "": the test's own
    std::unique_ptr<Process> process_;
    int schemas_ = 0;
};

} // namespace dagan::results::testing
