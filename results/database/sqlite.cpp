#include "results/database/sqlite.h"

#include "results/database/schema.h"

#include <fmt/format.h>

namespace dagan::results::sqlite {

namespace {

namespace fs = std::filesystem;

// A reader may delay a commit, and a commit a reader, for as long as a query takes.
constexpr int kBusyTimeoutSeconds = 60;

std::unique_ptr<soci::session> connect(const fs::path& path, bool read_only) {
    // SOCI's connection string cannot escape the quotation marks around the name.
    if (path.string().find('"') != std::string::npos) {
        throw input_error(path.string() + ": cannot be opened as a database: its path contains "
                                          "a quotation mark; choose another name");
    }
    const auto options = fmt::format("dbname=\"{}\" timeout={}{}", path.string(),
                                     kBusyTimeoutSeconds, read_only ? " readonly=true" : "");
    return std::make_unique<soci::session>(soci::sqlite3, options);
}

int number(soci::session& sql, const std::string& query) {
    int value = 0;
    sql << query, soci::into(value);
    return value;
}

void create_schema(soci::session& sql) {
    execute_script(sql, "BEGIN IMMEDIATE");
    execute_script(sql, schema_sql());
    execute_script(sql, sqlite_guards_sql());
    execute_script(sql, fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
                                    kSqliteApplicationId, kSchemaVersion));
}

bool is_empty(soci::session& sql) { return number(sql, "SELECT count(*) FROM sqlite_master") == 0; }

void check_identity(soci::session& sql, const fs::path& path, int oldest) {
    if (number(sql, "PRAGMA application_id") != kSqliteApplicationId) {
        throw input_error(path.string() + ": not a results database: it is a SQLite file of "
                                          "another program; choose another folder");
    }
    const int version = schema_version(sql);
    if (version > kSchemaVersion || version < kOldestReadableSchema) {
        throw input_error(fmt::format("{}: written by {} version of this program (schema {}, this "
                                      "one knows {}); use that version",
                                      path.string(),
                                      version > kSchemaVersion ? "a newer" : "a far older", version,
                                      kSchemaVersion));
    }
    if (version < oldest) {
        throw input_error(fmt::format(
            "{}: written by an older version of this program (schema {}, this one writes {}): it "
            "can be read, but not added to; hint: `dagan results upgrade DIR` upgrades it, after a "
            "backup",
            path.string(), version, kSchemaVersion));
    }
}

// A killed writer leaves a hot journal, from which the next connection rolls its transaction back.
// Read-only connections cannot do that.
void roll_back_unfinished(const fs::path& path) {
    const auto sql = connect(path, false);
    number(*sql, "PRAGMA user_version");
}

bool needs_rollback(soci::session& sql) {
    try {
        number(sql, "PRAGMA user_version");
        return false;
    } catch (const soci::sqlite3_soci_error& error) {
        if (error.result() == SQLITE_READONLY || error.result() == SQLITE_CANTOPEN) return true;
        throw;
    }
}

} // namespace

sqlite_api::sqlite3* handle(soci::session& sql) {
    return static_cast<soci::sqlite3_session_backend*>(sql.get_backend())->conn_;
}

void execute_script(soci::session& sql, std::string_view script) {
    char* message = nullptr;
    const int code = sqlite_api::sqlite3_exec(handle(sql), std::string(script).c_str(), nullptr,
                                              nullptr, &message);
    if (code != SQLITE_OK) {
        const std::string text = message ? message : sqlite_api::sqlite3_errstr(code);
        sqlite_api::sqlite3_free(message);
        throw soci::sqlite3_soci_error(text, code);
    }
}

int schema_version(soci::session& sql) { return number(sql, "PRAGMA user_version"); }

Error explained(const fs::path& path, const soci::soci_error& error) {
    const auto* sqlite_error = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
    const auto name = path.string() + ": ";
    switch (sqlite_error ? sqlite_error->result() : SQLITE_ERROR) {
    case SQLITE_NOTADB:
        return input_error(
            name + "not a results database: the file is something else; choose another folder");
    case SQLITE_CORRUPT:
        return input_error(name + "the database is damaged: " + error.what() +
                           "; hint: `dagan results salvage DIR` saves what can be read");
    case SQLITE_FULL:
        return system_error(name + "cannot be written: the disk is full; free space and run again");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return system_error(name + "cannot be opened or written: " + error.what() +
                            "; check the folder and its permissions");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return system_error(
            fmt::format("{}locked by another program for {} s; end its transaction and run again",
                        name, kBusyTimeoutSeconds));
    case SQLITE_IOERR:
        return system_error(name + "reading or writing failed: " + error.what() +
                            "; check the disk");
    default: return {Blame::bug, name + error.what()};
    }
}

std::unique_ptr<soci::session> open_to_write(const fs::path& path) {
    return guarded(path, [&] {
        auto sql = connect(path, false);
        // TRUNCATE keeps the journal file, so that a commit need not sync the directory.
        execute_script(*sql, "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA "
                             "foreign_keys = ON; PRAGMA cache_size = -65536");
        if (is_empty(*sql)) create_schema(*sql);
        check_identity(*sql, path, kSchemaVersion);
        return sql;
    });
}

std::unique_ptr<soci::session> open_to_read(const fs::path& path) {
    if (!fs::is_regular_file(path)) {
        throw input_error(path.string() + ": no results database there; hint: check that this "
                                          "is a campaign's folder and that the campaign was "
                                          "started");
    }
    return guarded(path, [&] {
        auto sql = connect(path, true);
        if (needs_rollback(*sql)) {
            roll_back_unfinished(path);
            sql = connect(path, true);
        }
        if (is_empty(*sql))
            throw input_error(path.string() + ": holds no campaign yet; run it first");
        check_identity(*sql, path, kOldestReadableSchema);
        execute_script(*sql, "PRAGMA query_only = ON");
        return sql;
    });
}

} // namespace dagan::results::sqlite
