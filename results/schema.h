// The text of schema.sql and of the other files that are compiled in, and the version that this program reads and writes.
#pragma once

#include <string_view>

namespace dagan {

inline constexpr int kSchemaVersion = 1;                // as in schema.sql; also SQLite's user_version
inline constexpr int kSqliteApplicationId = 0x4441474e; // "DAGN": tells our files from other SQLite files

std::string_view schema_sql();        // tables and views, for every database
std::string_view sqlite_guards_sql(); // triggers, for SQLite
std::string_view report_css();        // the style of the report

} // namespace dagan
