// Compares two campaigns cell by cell: which test accuracies differ beyond the variation of a few
// seeds?
#pragma once

#include "results/database/location.h"
#include "results/query/queries.h"

#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

struct DiffRow {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    std::string budget;
    int seeds_a = 0, seeds_b = 0;         // with a result
    std::optional<double> mean_a, mean_b; // test accuracy
    // b - a; over the common seeds if the test is paired.
    std::optional<double> difference;
    std::string test; // "paired t", "Welch", or "" if there are too few seeds
    // Two-sided p value, and the same adjusted over all cells of the comparison (Holm).
    std::optional<double> p, p_holm;
    bool differs = false; // p_holm < kSignificance
    // Both have the same seeds, with the same counts.
    bool identical = false;
};

// Returns one row for each cell that either campaign has, sorted. Tests pairs of seeds if `paired`
// (a seed means the same data and the same random numbers in both) and at least two seeds are
// common; otherwise uses Welch's test.
std::vector<DiffRow> diff_of(const std::vector<TrialRow>& a, const std::vector<TrialRow>& b,
                             bool paired);

struct Diff {
    bool paired = false; // the campaigns have the same sweep seed and data
    std::vector<DiffRow> rows;
};

// Reads two campaigns and compares them. Throws Blame::input if one is not a results database.
Diff diff_campaigns(const Location& a, const Location& b);

} // namespace dagan::results
