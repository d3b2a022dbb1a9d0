#include "results/database/postgresql.h"

#include "results/database/schema.h"
#include "results/database/server_survey.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::results::postgresql {

namespace {

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

PGconn* handle(soci::session& sql) {
    return static_cast<soci::postgresql_session_backend*>(sql.get_backend())->conn_;
}

int number(soci::session& sql, const std::string& query) {
    int value = 0;
    sql << query, soci::into(value);
    return value;
}

std::unique_ptr<soci::session> connect(const Location& location) {
    auto sql = std::make_unique<soci::session>(soci::postgresql, location.url());
    // Times are in UTC. A session waits for a lock for 60 s, as with SQLite.
    *sql << "SET TIME ZONE 'UTC'";
    *sql << "SET lock_timeout = '60s'";
    *sql << "SET client_min_messages = warning";
    return sql;
}

// Counts the tables of the current schema from the catalogue. to_regclass() would not do: it may
// answer from a cache that is older than the lock taken in create_schema.
int count_tables(soci::session& sql, const std::string& name_pattern) {
    int count = 0;
    sql << "SELECT CAST(count(*) AS INTEGER) FROM pg_catalog.pg_tables WHERE schemaname = "
           "current_schema() AND tablename LIKE "
           ":name",
        soci::use(name_pattern), soci::into(count);
    return count;
}
bool has_campaign_tables(soci::session& sql) { return count_tables(sql, "schema_version") > 0; }
bool is_empty(soci::session& sql) { return count_tables(sql, "%") == 0; }

void check_version(soci::session& sql, const Location& location) {
    const int version = number(sql, "SELECT max(version) FROM schema_version");
    if (version != kSchemaVersion) {
        throw input_error(fmt::format("{}: written by {} version of this program (schema {}, this "
                                      "one knows {}); use that version",
                                      location.name(),
                                      version > kSchemaVersion ? "a newer" : "an older", version,
                                      kSchemaVersion));
    }
}

// Two coordinators may start at the same time: under the lock, the second finds the tables that the
// first created. The lock is released at the end of the transaction.
void create_schema(soci::session& sql, const Location& location) {
    constexpr int kLock = 0x4441474e;
    execute_script(sql, fmt::format("BEGIN; SELECT pg_advisory_xact_lock({})", kLock));
    if (!has_campaign_tables(sql)) {
        if (!is_empty(sql)) {
            throw input_error(
                location.name() +
                ": not a results database: its schema holds other tables; hint: name another "
                "database, or a schema for this campaign with ?options=-csearch_path%3DNAME");
        }
        execute_script(sql, std::string(schema_sql()));
        execute_script(sql, std::string(postgresql_guards_sql()));
    }
    execute_script(sql, "COMMIT");
}

Value value_of(const PGresult* result, int row, int column) {
    if (PQgetisnull(result, row, column)) return std::monostate{};
    const std::string text(PQgetvalue(result, row, column),
                           static_cast<size_t>(PQgetlength(result, row, column)));
    // From PostgreSQL's pg_type.dat.
    constexpr Oid kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kFloat4 = 700, kFloat8 = 701,
                  kNumeric = 1700;
    switch (PQftype(result, column)) {
    case kBool: return int64_t{text == "t"};
    case kNumeric: // e.g. the sum of BIGINTs: an integer unless it has a point
        if (text.find_first_not_of("-0123456789") != std::string::npos) return std::stod(text);
        [[fallthrough]];
    case kInt2:
    case kInt4:
    case kInt8: return static_cast<int64_t>(std::stoll(text));
    case kFloat4:
    case kFloat8: return std::stod(text);
    default: return text;
    }
}

Error wrong_query(const PGresult* result, const std::string& fallback) {
    const char* message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
    return input_error(fmt::format("query: {}; hint: list the tables and views with \"SELECT "
                                   "table_name FROM information_schema.tables WHERE table_schema "
                                   "= current_schema()\"",
                                   message ? message : fallback));
}

} // namespace

void execute_script(soci::session& sql, const std::string& script) {
    const Result result(PQexec(handle(sql), script.c_str()));
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return;
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    throw soci::postgresql_soci_error(PQerrorMessage(handle(sql)), state ? state : "08006");
}

Error explained(const Location& location, const soci::soci_error& error) {
    const auto* server_error = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    const std::string state = server_error ? server_error->sqlstate() : "";
    const auto name = location.name() + ": ";
    std::string what = error.what();
    std::replace_if(
        what.begin(), what.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
    what.erase(what.find_last_not_of(' ') + 1);
    if (state.starts_with("53"))
        return system_error(name + "the server has run out of a resource: " + what +
                            "; free it and run again");
    if (state == "25006")
        return input_error(name + "cannot be changed through this connection: it is read-only");
    if (state == "42501")
        return system_error(name + "not allowed: " + what +
                            "; hint: ask for the rights on this schema");
    if (state == "55P03")
        return system_error(
            name + "locked by another program for 60 s; end its transaction and run again");
    if (state == "40001" || state == "40P01")
        return system_error(name + "two writers were in conflict: " + what + "; run again");
    // The connection was lost, the server was shut down, or the connection failed, for which libpq
    // has no code.
    if (state.empty() || state.starts_with("08") || state.starts_with("57") ||
        state.starts_with("3D") || state.starts_with("28") ||
        what.find("connection") != std::string::npos) {
        return system_error(name + "the PostgreSQL server cannot be reached: " + what +
                            "; hint: check the URL and the server");
    }
    return {Blame::bug, name + what};
}

std::unique_ptr<soci::session> open_to_write(const Location& location) {
    try {
        auto sql = connect(location);
        // A writer that hangs or vanishes in mid-transaction must not keep its rows locked.
        *sql << "SET idle_in_transaction_session_timeout = '5s'";
        if (!has_campaign_tables(*sql)) create_schema(*sql, location);
        check_version(*sql, location);
        return sql;
    } catch (const soci::soci_error& error) {
        throw explained(location, error);
    }
}

std::unique_ptr<soci::session> open_to_read(const Location& location) {
    try {
        auto sql = connect(location);
        execute_script(*sql, "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL "
                             "REPEATABLE READ, READ ONLY");
        if (!has_campaign_tables(*sql))
            throw input_error(location.name() + ": holds no campaign yet; run it first");
        check_version(*sql, location);
        return sql;
    } catch (const soci::soci_error& error) {
        throw explained(location, error);
    }
}

// The extended protocol takes one statement at a time, and describes it before it runs. Statements
// that return no rows (COPY, SET, DELETE) are not run at all; a statement that returns rows and
// writes fails in the read-only transaction, or is undone with it.
Table run_query(soci::session& sql, const std::string& text) {
    PGconn* connection = handle(sql);
    execute_script(sql, "BEGIN"); // never committed: rolled back when the session ends
    const Result prepared(PQprepare(connection, "", text.c_str(), 0, nullptr));
    if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK)
        throw wrong_query(prepared.get(), "it is invalid");
    const Result described(PQdescribePrepared(connection, ""));
    if (PQnfields(described.get()) == 0)
        throw wrong_query(
            nullptr,
            "only statements that read rows are allowed: results are never changed by hand");
    const Result result(PQexecPrepared(connection, "", 0, nullptr, nullptr, nullptr, 0));
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
        throw wrong_query(result.get(), "it failed");
    Table table;
    for (int column = 0; column < PQnfields(result.get()); ++column)
        table.columns.emplace_back(PQfname(result.get(), column));
    for (int row = 0; row < PQntuples(result.get()); ++row) {
        auto& values = table.rows.emplace_back();
        for (int column = 0; column < PQnfields(result.get()); ++column)
            values.push_back(value_of(result.get(), row, column));
    }
    return table;
}

} // namespace dagan::results::postgresql

namespace dagan::results {

ServerSurvey survey_server(const Location& server) {
    using namespace postgresql;
    require(server.is_server(), "survey_server() is for PostgreSQL servers");
    try {
        const auto sql = connect(server);
        ServerSurvey survey;
        int may_create = 0;
        *sql << "SELECT current_setting('server_version'), COALESCE(CAST(current_schema() AS "
                "TEXT), ''), "
                "CASE WHEN has_schema_privilege(current_schema(), 'CREATE') THEN 1 ELSE 0 END, "
                "CAST(current_setting('max_connections') AS INTEGER) - (SELECT CAST(count(*) AS "
                "INTEGER) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend')",
            soci::into(survey.version), soci::into(survey.schema), soci::into(may_create),
            soci::into(survey.free_connections);
        survey.may_create = may_create != 0;
        if (has_campaign_tables(*sql)) {
            check_version(*sql, server);
            survey.state = SchemaState::campaign;
        } else if (!is_empty(*sql)) {
            survey.state = SchemaState::foreign;
        }
        return survey;
    } catch (const soci::soci_error& error) {
        throw explained(server, error);
    }
}

} // namespace dagan::results
