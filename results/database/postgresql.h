// A campaign's database on a PostgreSQL server, and turning the server's errors into ours. Internal to results.
#pragma once

#include "base/error.h"
#include "results/database/location.h"
#include "results/database/table.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <memory>
#include <string>

namespace dagan::results::postgresql {

// For coordinators: makes our tables in the connection's current schema when that is empty. Several may write at once
// (sql_store.h). Throws Blame::input when the schema holds other tables or another version, Blame::system when the server cannot
// be reached.
std::unique_ptr<soci::session> open_to_write(const Location& location);

// For everybody else: every transaction is read-only. Throws Blame::input when no campaign is there.
std::unique_ptr<soci::session> open_to_read(const Location& location);

// One statement of a user's: run only if it gives rows, in a transaction that cannot write.
Table run_query(soci::session& sql, const std::string& text);

Error explained(const Location& location, const soci::soci_error& error);

// Several statements at once, which SOCI cannot run.
void execute_script(soci::session& sql, const std::string& script);

} // namespace dagan::results::postgresql
