#include "postgresql_server.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <pwd.h>

#include <chrono>
#include <thread>

namespace dagan::results::testing {

namespace {

namespace fs = std::filesystem;

// Returns the directory of the server's programs, which Debian keeps out of PATH; "" if there is
// none.
std::string server_programs() {
    std::string newest;
    const fs::path debian = "/usr/lib/postgresql";
    if (fs::is_directory(debian)) {
        for (const auto& version : fs::directory_iterator(debian)) {
            if (fs::exists(version.path() / "bin" / "initdb"))
                newest = std::max(newest, (version.path() / "bin").string());
        }
    }
    for (const char* folder : {"/usr/bin", "/usr/local/bin"}) {
        if (newest.empty() && fs::exists(fs::path(folder) / "initdb")) newest = folder;
    }
    return newest;
}

// Returns the user that the server runs as if the test runs as root.
std::string other_user() {
    for (const char* name : {"postgres", "nobody"}) {
        if (::getpwnam(name) != nullptr) return name;
    }
    throw std::runtime_error("no user to run PostgreSQL as");
}

std::vector<std::string> as_user(const std::string& user, std::vector<std::string> words) {
    if (::getuid() != 0) return words;
    const passwd* entry = ::getpwnam(user.c_str());
    // A change of user clears the parent-death signal, so setpriv sets it again.
    std::vector<std::string> all{"setpriv",
                                 "--reuid",
                                 std::to_string(entry->pw_uid),
                                 "--regid",
                                 std::to_string(entry->pw_gid),
                                 "--clear-groups",
                                 "--pdeathsig",
                                 "INT"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

} // namespace

std::unique_ptr<PostgresqlServer> PostgresqlServer::start(const fs::path& parent) {
    const auto bin = server_programs();
    if (bin.empty()) return nullptr;
    return std::unique_ptr<PostgresqlServer>(
        new PostgresqlServer(parent, bin, ::getuid() == 0 ? other_user() : ""));
}

PostgresqlServer* PostgresqlServer::shared() {
    static const auto kServer = start();
    return kServer.get();
}

PostgresqlServer::PostgresqlServer(const fs::path& parent, std::string bin_folder, std::string user)
    : folder_(parent), bin_(std::move(bin_folder)), user_(std::move(user)) {
    if (::getuid() == 0) {
        const passwd* entry = ::getpwnam(user_.c_str());
        if (::chown(folder_.path().c_str(), entry->pw_uid, entry->pw_gid) != 0)
            throw std::runtime_error("chown");
    }
    const auto data = (folder_ / "data").string();
    const auto initdb = run_program(as_user(
        user_, {bin_ + "/initdb", "-D", data, "-U", "dagan", "-A", "trust", "-E", "UTF8",
                "--no-sync", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"}));
    if (initdb.exit_code != 0) throw std::runtime_error("initdb: " + initdb.text());
    start_again();
}

void PostgresqlServer::start_again() {
    process_ = std::make_unique<Process>(
        as_user(user_, {bin_ + "/postgres", "-D", (folder_ / "data").string(), "-k",
                        folder_.path().string(), "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                        "shared_buffers=16MB", "-c", "max_connections=20"}));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (PQping(url("public").c_str()) != PQPING_OK) {
        if (!process_->running() || std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("postgres does not start: " +
                                     process_->wait(std::chrono::seconds(1)).text());
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

std::string PostgresqlServer::url(const std::string& schema, const std::string& user) const {
    std::string host;
    for (const char c : folder_.path().string())
        host += c == '/' ? std::string("%2F") : std::string(1, c);
    return fmt::format("postgresql://{}@{}/postgres?options=-csearch_path%3D{}", user, host,
                       schema);
}

Location PostgresqlServer::new_schema(const std::string& user) {
    const auto schema = fmt::format("campaign{}", ++schemas_);
    execute(fmt::format("CREATE SCHEMA {}", schema));
    return Location::parse(url(schema, user));
}

void PostgresqlServer::execute(const std::string& sql) {
    PGconn* connection = PQconnectdb(url("public").c_str());
    PGresult* result = PQexec(connection, sql.c_str());
    const auto status = PQresultStatus(result);
    const std::string message = PQerrorMessage(connection);
    PQclear(result);
    PQfinish(connection);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw std::runtime_error(sql + ": " + message);
}

void PostgresqlServer::stop() {
    process_->kill(SIGQUIT);
    process_->wait();
}

} // namespace dagan::results::testing
