// New SQLite databases of the current schema, filled from others: an older one (upgrade), or those of several sites (merge). The
// new one is made beside the old under a temporary name, under all constraints of the schema, and takes its place only when it is
// whole.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// The schema that a database was written with; nothing when it is the current one. Throws Blame::input when it is no results
// database.
std::optional<int> older_schema(const std::filesystem::path& database);

struct Upgraded {
    int from = 0, to = 0;                // versions of the schema
    std::filesystem::path backup;        // the old file, byte for byte
    std::map<std::string, int64_t> rows; // copied, by table
};

// Migrates the database in place; nothing is done, and nothing returned, when it is of the current schema already. The campaign
// must not be running: its lock is the caller's to take. Throws Blame::input when it cannot be read, Blame::system when the disk
// fails; then the old file is as it was.
std::optional<Upgraded> upgrade_database(const std::filesystem::path& database);

struct MergeSite {
    std::string name; // of a person's choice: a folder's
    std::filesystem::path database;
};
struct Merged {
    std::map<std::string, int64_t> results; // taken, by site
    int64_t confirmed = 0; // tasks with the same result at several sites, taken from the first
    std::vector<std::string>
        contradictions; // tasks with different results, for people; taken from the first
};

// Makes `database`, which must not exist, of the tasks, attempts and results of all sites, in their order: a task's result,
// curves and artifacts come from the first site that has one, attempts from all, under new tokens. Tables `site` and `origin`
// keep where each came from. Throws Blame::input when two sites mean different things by one cell and seed, when a site is given
// twice, or when results contradict each other, unless `keep_first`.
Merged merge_databases(const std::vector<MergeSite>& sites, const std::filesystem::path& database,
                       bool keep_first);

} // namespace dagan::results
