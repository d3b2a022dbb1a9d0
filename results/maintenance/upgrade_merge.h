// New SQLite databases of the current schema, filled from others: from one of an older schema
// (upgrade), or from those of several sites (merge).
//
// The new database is built beside the old one under a temporary name, under all constraints of the
// schema, and takes its name only when it is complete and checked.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// Returns the schema version of the database if it is older than the current one, else nullopt.
// Throws Blame::input if the file is not a results database.
std::optional<int> older_schema(const std::filesystem::path& database);

struct Upgraded {
    int from = 0, to = 0;                // schema versions
    std::filesystem::path backup;        // the old file, byte for byte
    std::map<std::string, int64_t> rows; // copied, by table
};

// Upgrades the database in place. Returns nullopt, and does nothing, if its schema is current. The
// caller must hold the campaign's lock. Throws Blame::input if the database cannot be read or the
// backup's name is taken, Blame::system if the disk fails; the old file is then unchanged.
std::optional<Upgraded> upgrade_database(const std::filesystem::path& database);

struct MergeSite {
    std::string name; // chosen by the user, by default the folder
    std::filesystem::path database;
};

struct Merged {
    std::map<std::string, int64_t> results; // taken, by site
    // Tasks with the same result at several sites; taken from the first.
    int64_t confirmed = 0;
    // One line per task whose results differ between sites; taken from the first.
    std::vector<std::string> contradictions;
};

// Creates `database`, which must not exist, from the tasks, attempts and results of all sites, in
// their order. The result, curves and artifacts of a task come from the first site that finished
// it; attempts come from all sites, under new tokens. The tables `site` and `origin` record where
// each attempt came from. Throws Blame::input if one cell and seed means different tasks at two
// sites, if two sites have the same name, or if results contradict each other and `keep_first` is
// false.
Merged merge_databases(const std::vector<MergeSite>& sites, const std::filesystem::path& database,
                       bool keep_first);

} // namespace dagan::results
