// Saving what can be read of a damaged SQLite results database. SQLite keeps rows in pages; a damaged page hides its rows, or all
// below it, but not the others. Every row that is read has to pass the schema's constraints again; a task whose result, or what
// it was made of, is lost is left to be run again. Rows are not checksummed by SQLite: text that was altered within a page is not
// seen.
#pragma once

#include "results/store/store.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// What is wrong with a database, in SQLite's words, at most some hundred lines; empty when nothing is. Throws Blame::input when
// it is no database at all.
std::vector<std::string> damage_of(const std::filesystem::path& database);

struct Salvaged {
    struct Rows {
        int64_t kept = 0;
        int64_t refused =
            0; // read, but against a constraint: as a rule something that it refers to is lost
        int64_t unreadable =
            0; // places between readable rows that could not be read; nothing is known of rows beyond the last
    };
    std::map<std::string, Rows> tables;
    int64_t results = 0;      // of classifiers and selectors, kept
    int64_t to_run_again = 0; // tasks that had ended and whose outcome is lost
};

// Makes `to`, which must not exist, of what can be read of `damaged`, which is not changed. Where the campaign and its plan are
// known from elsewhere (campaign.json) they are entered first, so that a lost task is only a task to be run. Throws Blame::input
// when nothing can be read.
Salvaged salvage_database(const std::filesystem::path& damaged, const std::filesystem::path& to,
                          const std::optional<Campaign>& campaign, const Plan& plan);

} // namespace dagan::results
