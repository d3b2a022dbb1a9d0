// Runs a user's own SQL. It reads SQLite through SQLite's own interface: SOCI describes columns by
// their declared types, which SQLite does not enforce, and only SQLite's interface tells whether a
// statement would write before it runs.
#include "results/database/database.h"
#include "results/database/postgresql.h"
#include "results/database/sqlite.h"
#include "results/query/queries.h"

#include <fmt/format.h>

namespace dagan::results {

namespace {

namespace api = sqlite_api;

struct Finalizer {
    void operator()(api::sqlite3_stmt* statement) const { api::sqlite3_finalize(statement); }
};
using StatementPointer = std::unique_ptr<api::sqlite3_stmt, Finalizer>;

Error wrong_query(const std::string& why) {
    return input_error("query: " + why +
                       "; hint: list the tables and views with \"SELECT name FROM sqlite_master "
                       "WHERE type IN ('table', 'view')\"");
}

StatementPointer prepare(api::sqlite3* db, const std::string& sql) {
    api::sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    if (api::sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, &rest) != SQLITE_OK)
        throw wrong_query(api::sqlite3_errmsg(db));
    StatementPointer owned(statement);
    if (!owned) throw wrong_query("it is empty");
    if (std::string(rest).find_first_not_of(" \t\r\n;") != std::string::npos)
        throw wrong_query("it has more than one statement");
    if (!api::sqlite3_stmt_readonly(owned.get()) || api::sqlite3_column_count(owned.get()) == 0) {
        throw wrong_query(
            "only statements that read rows are allowed: results are never changed by hand");
    }
    return owned;
}

Value value_at(api::sqlite3_stmt* statement, int column) {
    switch (api::sqlite3_column_type(statement, column)) {
    case SQLITE_NULL: return std::monostate{};
    case SQLITE_INTEGER: return static_cast<int64_t>(api::sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT: return api::sqlite3_column_double(statement, column);
    default:
        const auto* text =
            reinterpret_cast<const char*>(api::sqlite3_column_text(statement, column));
        return std::string(text, static_cast<size_t>(api::sqlite3_column_bytes(statement, column)));
    }
}

Table query_sqlite(soci::session& session, const std::filesystem::path& file,
                   const std::string& sql) {
    auto* db = static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
    const auto statement = prepare(db, sql);
    const int columns = api::sqlite3_column_count(statement.get());
    Table table;
    for (int i = 0; i < columns; ++i)
        table.columns.emplace_back(api::sqlite3_column_name(statement.get(), i));
    int code = api::sqlite3_step(statement.get());
    for (; code == SQLITE_ROW; code = api::sqlite3_step(statement.get())) {
        auto& row = table.rows.emplace_back();
        for (int i = 0; i < columns; ++i) row.push_back(value_at(statement.get(), i));
    }
    if (code != SQLITE_DONE)
        throw sqlite::explained(file, soci::sqlite3_soci_error(api::sqlite3_errmsg(db), code));
    return table;
}

} // namespace

Table run_query(const Location& database, const std::string& sql) {
    const auto session = database::open_to_read(database);
    return database.is_server() ? postgresql::run_query(*session, sql)
                                : query_sqlite(*session, database.file(), sql);
}

} // namespace dagan::results
