// From trials to cells and to Table 1: pure functions, no database. Internal to results; queries.h is for everybody.
#pragma once

#include "results/query/queries.h"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace dagan::results {

// One configuration of the plan and how many seeds it has.
struct PlannedCell {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    std::string budget;
    int seeds = 0;
};

// A cell's name, in the order of tables: dataset, n, m, M of the budget (0: epochs).
using CellKey = std::tuple<std::string, int, int, int>;
using SeedTrials = std::map<int, const TrialRow*>; // by seed

template <class Row> CellKey key_of_cell(const Row& row);
std::map<CellKey, SeedTrials>
trials_by_cell(const std::vector<TrialRow>& trials); // points into `trials`

// Share of correct answers; nothing where no case was held out.
std::optional<double> validation_accuracy(const TrialRow& trial);
std::optional<double> test_accuracy(const TrialRow& trial);

// The values of a cell, by ascending seed, and the differences (a - b) over the seeds that both have.
using Accuracy = std::optional<double> (*)(const TrialRow&);
std::vector<double> values_of(const SeedTrials& cell, Accuracy accuracy);
std::vector<double> differences_of(const SeedTrials& a, const SeedTrials& b, Accuracy accuracy);

// One row for each planned cell, sorted by dataset, n, m and budget (epochs first, then steps:M by M).
std::vector<CellRow> cells_of(const std::vector<PlannedCell>& planned,
                              const std::vector<TrialRow>& trials,
                              IntervalMethod method = IntervalMethod::t);

// For each (dataset, n): the baselines, then the run with m*. m* is chosen by mean validation accuracy over the seeds present,
// the smaller m on ties; test accuracies play no part. Of the step-matched baselines only the one that matches m* is shown.
std::vector<Table1Row> table1_of(const std::vector<CellRow>& cells);

// Each augmented cell against the baseline of equal epochs and, where it was planned, the one of equal steps.
std::vector<GainRow> gains_of(const std::vector<PlannedCell>& planned,
                              const std::vector<TrialRow>& trials);

// The validation accuracy of every m >= 1 and which of them is m*.
std::vector<ChoiceRow> choices_of(const std::vector<PlannedCell>& planned,
                                  const std::vector<TrialRow>& trials);

// M of a budget "steps:M", 0 for "epochs".
int matched_steps_of(const std::string& budget);

template <class Row> CellKey key_of_cell(const Row& row) {
    return {row.dataset, row.samples_per_class, row.generated_per_real,
            matched_steps_of(row.budget)};
}

} // namespace dagan::results
