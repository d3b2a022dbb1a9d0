// The tables that analysts ask for, read from a campaign's database.
//
// The database is opened read-only; it may be read at any time, also while the campaign runs. Rows
// are sorted and contain nothing that differs between two equal campaigns. The columns are
// described in docs/reference/results.md. `database` is the file results.sqlite, or a server. Every
// function throws Blame::input, with the database's name, if it is not a results database, and
// Blame::system if it cannot be read.
//
//     for (const CellRow& cell : cell_rows("campaigns/demo/results.sqlite"))
//         if (cell.test_mean) fmt::print("{} {}\n", cell.dataset, *cell.test_mean);
#pragma once

#include "results/database/location.h"
#include "results/database/table.h"
#include "results/statistics/statistics.h"
#include "results/store/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// A finished classifier. Counts are those of its best epoch.
struct TrialRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0, seed = 0;
    std::string budget, softmax;
    int64_t steps = 0;
    int best_epoch = 0;
    int validation_correct = 0, validation_total = 0, test_correct = 0, test_total = 0;
};

// A planned configuration. If none of its seeds has finished, `seeds` is 0 and the numbers are
// empty.
struct CellRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    std::string budget;
    int seeds = 0;   // finished
    int missing = 0; // not finished yet
    // Means over the finished seeds; standard deviation and 95 % interval need two. The gain is
    // paired by seed with the cell m = 0, budget "epochs", which has no gain itself.
    std::optional<double> validation_mean, test_mean, test_sd, test_low, test_high, gain_mean,
        gain_low, gain_high;
};

// A row of Table 1. m is chosen by mean validation accuracy over the finished seeds, the smaller on
// ties. There is no augmented row until an augmented trial has finished.
struct Table1Row {
    std::string dataset;
    int samples_per_class = 0;
    bool augmented = false;
    int generated_per_real = 0;
    std::string budget;
    int seeds = 0, missing = 0;
    std::optional<double> test_mean, test_low, test_high;
    // As recalled, not verified (docs/reference/model.md, "Published numbers").
    std::optional<double> published;
};

// An augmented cell against a baseline without generated images, paired by seed.
struct GainRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    // The baseline's budget: "epochs" (equally many), or "steps:M" (equally many optimiser steps).
    std::string against;
    int pairs = 0;   // seeds that both cells have
    int missing = 0; // planned seeds that are not finished in both
    // Of the differences in test accuracy, with a 95 % t interval.
    std::optional<double> mean, sd, low, high;
    // The 95 % BCa interval (results/statistics/bootstrap.h).
    std::optional<double> bootstrap_low, bootstrap_high;
    // Two-sided paired t test, and the same adjusted (Holm) over all rows against the same kind of
    // baseline.
    std::optional<double> p, p_holm;
};

// The validation accuracy of one m of a (dataset, n), by which m* is chosen.
struct ChoiceRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    int seeds = 0, missing = 0;
    std::optional<double> mean, sd, low, high; // 95 % t interval
    bool chosen = false;                       // this is m*
    // The distance to m*, paired by seed, with a 95 % t interval. If the interval contains 0, other
    // seeds might have chosen this m.
    std::optional<double> behind_mean, behind_low, behind_high;
};

// Returns the campaign's identity. Also throws Blame::input if no campaign was entered yet.
Campaign campaign_of(const Location& database);
// Returns one row per finished classifier.
std::vector<TrialRow> trial_rows(const Location& database);
// Returns one row per planned configuration.
std::vector<CellRow> cell_rows(const Location& database, IntervalMethod method = IntervalMethod::t);
// Returns the baselines and the chosen m of each (dataset, n).
std::vector<Table1Row> table1_rows(const Location& database);
// Returns one row per augmented configuration and planned baseline.
std::vector<GainRow> gain_rows(const Location& database);
// Returns one row per augmented configuration.
std::vector<ChoiceRow> choice_rows(const Location& database);

// Runs one SELECT statement of a user. Throws Blame::input with the database's own message if the
// statement is invalid or would write.
Table run_query(const Location& database, const std::string& sql);

} // namespace dagan::results
