// A campaign's database on a PostgreSQL server: opening it, and translating the server's errors.
//
// Internal to results. Callers that serve both kinds of database use database.h.
#pragma once

#include "base/error.h"
#include "results/database/location.h"
#include "results/database/table.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <memory>
#include <string>

namespace dagan::results::postgresql {

// Opens the database for a coordinator and creates the tables if the connection's current schema is
// empty. Several coordinators may write at once (sql_store.h). Throws Blame::input if the schema
// holds other tables or another version, Blame::system if the server cannot be reached.
std::unique_ptr<soci::session> open_to_write(const Location& location);

// Opens the database for a reader; every transaction is read-only. Throws Blame::input if it holds
// no campaign or one of another version, Blame::system if the server cannot be reached.
std::unique_ptr<soci::session> open_to_read(const Location& location);

// Runs one statement of a user in a read-only transaction. Only statements that return rows are
// run. Throws Blame::input with the server's message if the statement is invalid or would write.
Table run_query(soci::session& sql, const std::string& text);

// Translates an error of SOCI into an Error with its category, its cause and a hint.
Error explained(const Location& location, const soci::soci_error& error);

// Runs several statements at once, which SOCI cannot. Throws soci::postgresql_soci_error.
void execute_script(soci::session& sql, const std::string& script);

} // namespace dagan::results::postgresql
