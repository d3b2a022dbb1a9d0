// Two campaigns cell by cell: which test accuracies differ by more than the luck of a few seeds explains: a pure function over
// trials, and one that reads them.
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
    std::optional<double> difference;     // b - a; of the common seeds where the test is paired
    std::string test;                // "paired t", "Welch", or "" where there are too few seeds
    std::optional<double> p, p_holm; // two-sided; adjusted over all cells of the comparison
    bool differs = false;            // p_holm < 0.05
    bool identical = false; // every common seed has the same counts, and the seeds are the same
};

// Every cell that either has, sorted. Paired by seed where `paired` (the seeds of both mean the same data and the same luck) and
// at least two seeds are common; else Welch's test.
std::vector<DiffRow> diff_of(const std::vector<TrialRow>& a, const std::vector<TrialRow>& b,
                             bool paired);

struct Diff {
    bool paired = false; // the campaigns share seed and data
    std::vector<DiffRow> rows;
};
Diff diff_campaigns(const Location& a, const Location& b);

} // namespace dagan::results
