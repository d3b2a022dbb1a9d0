// The schema of the results database: its version, its tables, and the SQL text that creates it.
//
// The texts are compiled in from the files beside this header, so that the programs need no files.
#pragma once

#include <array>
#include <string_view>

namespace dagan::results {

// The version that this program writes; the same number as in schema.sql, and SQLite's
// user_version.
inline constexpr int kSchemaVersion = 2;
// Databases from this version on can be read; results/maintenance/upgrade_merge.h upgrades them.
inline constexpr int kOldestReadableSchema = 1;
// "DAGN": SQLite's application_id, which tells our files from those of other programs.
inline constexpr int kSqliteApplicationId = 0x4441474e;

// Every table of a campaign except schema_version, each after the tables that it refers to: rows
// can be copied in this order under foreign keys.
inline constexpr std::array<const char*, 10> kSchemaTables{
    "campaign", "task",  "attempt",  "best_epoch", "epoch",
    "result",   "curve", "artifact", "site",       "origin"};

// Returns the tables and views, in SQL that SQLite and PostgreSQL both take.
std::string_view schema_sql();
// Returns the triggers for SQLite.
std::string_view sqlite_guards_sql();
// Returns the triggers for PostgreSQL, and the tables that several coordinators share.
std::string_view postgresql_guards_sql();
// Returns the style sheet of the report.
std::string_view report_css();

} // namespace dagan::results
