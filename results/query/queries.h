// What an analyst asks for, read from a campaign's database (opened read-only, at any time, also while the campaign runs). The
// meaning of each column: interfaces, "Machine-readable output". Rows are sorted and hold nothing that differs between two equal
// campaigns. `database` is the file results.sqlite, or a server's. All throw Blame::input when it is not a results database,
// naming it.
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

struct TrialRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0, seed = 0;
    std::string budget, softmax;
    int64_t steps = 0;
    int best_epoch = 0;
    int validation_correct = 0, validation_total = 0, test_correct = 0, test_total = 0;
};

// There is one for each planned configuration, also when none of its seeds has finished: then seeds is 0 and the numbers are
// empty.
struct CellRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    std::string budget;
    int seeds = 0, missing = 0; // finished and not (yet)
    // Means over the seeds present; sd and 95 % t intervals need two; gain is paired by seed against m = 0 with budget "epochs"
    // (which has none).
    std::optional<double> validation_mean, test_mean, test_sd, test_low, test_high, gain_mean,
        gain_low, gain_high;
};

// m is chosen by mean validation accuracy over the seeds present, the smaller on ties. No augmented row while no augmented trial
// has finished.
struct Table1Row {
    std::string dataset;
    int samples_per_class = 0;
    bool augmented = false;
    int generated_per_real = 0;
    std::string budget;
    int seeds = 0, missing = 0;
    std::optional<double> test_mean, test_low, test_high;
    std::optional<double> published; // as recalled, not verified (dagan.md section 11)
};

// An augmented cell against a baseline without generated images, paired by seed.
struct GainRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    std::string
        against; // the baseline's budget: "epochs" (as many), or "steps:M" (as many optimiser steps)
    int pairs = 0, missing = 0; // seeds that both have, and that are planned but not both finished
    std::optional<double> mean, sd, low,
        high; // of the differences in test accuracy; 95 % t interval
    std::optional<double> bootstrap_low, bootstrap_high; // 95 % BCa interval (bootstrap.h)
    std::optional<double> p,
        p_holm; // paired t test, two-sided; adjusted over all rows against the same kind of baseline
};

// The validation accuracy of one m of a (dataset, n): the curve by which m* is chosen.
struct ChoiceRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    int seeds = 0, missing = 0;
    std::optional<double> mean, sd, low, high; // 95 % t interval
    bool chosen = false;                       // this is m*
    // How far it is behind m*, paired by seed, with a 95 % t interval: where that holds 0, the choice could have been another.
    std::optional<double> behind_mean, behind_low, behind_high;
};

Campaign campaign_of(const Location& database); // throws Blame::input when none was entered yet
std::vector<TrialRow> trial_rows(const Location& database);
std::vector<CellRow> cell_rows(const Location& database, IntervalMethod method = IntervalMethod::t);
std::vector<Table1Row> table1_rows(const Location& database);
std::vector<GainRow> gain_rows(const Location& database);
std::vector<ChoiceRow> choice_rows(const Location& database);

// Runs one SELECT of the user's. Whatever would write is refused. Throws Blame::input with the database's words when the query is
// wrong.
Table run_query(const Location& database, const std::string& sql);

} // namespace dagan::results
