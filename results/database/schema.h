// The text of schema.sql and of the other files that are compiled in, and the version that this program reads and writes.
#pragma once

#include <string_view>

namespace dagan::results {

inline constexpr int kSchemaVersion = 2; // as in schema.sql; also SQLite's user_version
inline constexpr int kOldestReadableSchema =
    1; // an older database is read as it is; rebuild.h makes it new
inline constexpr int kSqliteApplicationId =
    0x4441474e; // "DAGN": tells our files from other SQLite files

std::string_view schema_sql();        // tables and views, for every database
std::string_view sqlite_guards_sql(); // triggers, for SQLite
std::string_view
postgresql_guards_sql();       // triggers, and what several coordinators share, for PostgreSQL
std::string_view report_css(); // the style of the report

} // namespace dagan::results
