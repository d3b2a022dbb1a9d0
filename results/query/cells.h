// From trials to cells and to Table 1. Pure functions without a database.
//
// Internal to results; results/query/queries.h is the public interface.
#pragma once

#include "results/query/queries.h"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace dagan::results {

// One configuration of the plan and its number of seeds.
struct PlannedCell {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    std::string budget;
    int seeds = 0;
};

// Identifies a cell, and sorts as tables do: data set, n, m, M of the budget (0: epochs).
using CellKey = std::tuple<std::string, int, int, int>;
using SeedTrials = std::map<int, const TrialRow*>; // by seed

// Returns the cell of a row that has the columns dataset, n, m and budget.
template <class Row> CellKey key_of_cell(const Row& row);
// Groups trials by cell. The result points into `trials`.
std::map<CellKey, SeedTrials> trials_by_cell(const std::vector<TrialRow>& trials);

// Return the share of correct answers; nullopt if there are no such cases.
std::optional<double> validation_accuracy(const TrialRow& trial);
std::optional<double> test_accuracy(const TrialRow& trial);

using Accuracy = std::optional<double> (*)(const TrialRow&);
// Returns the accuracies of a cell, by ascending seed.
std::vector<double> values_of(const SeedTrials& cell, Accuracy accuracy);
// Returns the differences a - b over the seeds that both cells have, by ascending seed.
std::vector<double> differences_of(const SeedTrials& a, const SeedTrials& b, Accuracy accuracy);

// Returns one row per planned cell, sorted by CellKey.
std::vector<CellRow> cells_of(const std::vector<PlannedCell>& planned,
                              const std::vector<TrialRow>& trials,
                              IntervalMethod method = IntervalMethod::t);

// Returns, for each (dataset, n), the baselines and then the cell with m*. m* has the highest mean
// validation accuracy over the seeds present, and is the smaller m on ties; test accuracies are not
// used. Of the step-matched baselines, only the one that matches m* is included.
std::vector<Table1Row> table1_of(const std::vector<CellRow>& cells);

// Compares each augmented cell with the baseline of equal epochs and, if it was planned, with the
// baseline of equal steps.
std::vector<GainRow> gains_of(const std::vector<PlannedCell>& planned,
                              const std::vector<TrialRow>& trials);

// Returns the validation accuracy of every m >= 1 and marks m*.
std::vector<ChoiceRow> choices_of(const std::vector<PlannedCell>& planned,
                                  const std::vector<TrialRow>& trials);

// Returns M of a budget "steps:M"; 0 for "epochs".
int matched_steps_of(const std::string& budget);

template <class Row> CellKey key_of_cell(const Row& row) {
    return {row.dataset, row.samples_per_class, row.generated_per_real,
            matched_steps_of(row.budget)};
}

} // namespace dagan::results
