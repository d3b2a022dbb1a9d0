// Recovers the readable part of a damaged SQLite results database.
//
// SQLite keeps rows in pages; a damaged page hides its own rows, or those of the pages below it,
// but no others. Every recovered row must pass the schema's constraints again. A task whose result
// or artifacts are lost is left to be run again. SQLite has no checksums: text that was altered
// within a page is not detected.
#pragma once

#include "results/store/store.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// Checks the whole database and returns SQLite's messages about damage, about a hundred lines at
// most; empty if there is none. Throws Blame::input if the file is not a database.
std::vector<std::string> damage_of(const std::filesystem::path& database);

struct Salvaged {
    struct Rows {
        int64_t kept = 0;
        // Read but against a constraint: usually a row that it refers to is lost.
        int64_t refused = 0;
        // Positions between readable rows that could not be read. The number of rows lost beyond
        // the last readable one is not known.
        int64_t unreadable = 0;
    };
    std::map<std::string, Rows> tables; // by name
    int64_t results = 0;                // kept, of classifiers and selectors
    int64_t to_run_again = 0;           // tasks that had ended and whose outcome is lost
};

// Creates `to`, which must not exist, from the readable part of `damaged`, which is not changed. If
// the campaign and its plan are known (from campaign.json), they are entered first, so that a task
// whose row is lost is simply run again. Throws Blame::input if nothing can be read, Blame::system
// if `to` cannot be written.
Salvaged salvage_database(const std::filesystem::path& damaged, const std::filesystem::path& to,
                          const std::optional<Campaign>& campaign, const Plan& plan);

} // namespace dagan::results
