// From trials to cells and to Table 1: pure functions, no database. Internal to results; queries.h is for everybody.
#pragma once

#include "results/queries.h"

#include <vector>

namespace dagan {

// One configuration of the plan and how many seeds it has.
struct PlannedCell {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0;
    std::string budget;
    int seeds = 0;
};

// One row for each planned cell, sorted by dataset, n, m and budget (epochs first, then steps:M by M).
std::vector<CellRow> cells_of(const std::vector<PlannedCell>& planned, const std::vector<TrialRow>& trials);

// For each (dataset, n): the baselines, then the run with m*. m* is chosen by mean validation accuracy over the seeds present,
// the smaller m on ties; test accuracies play no part. Of the step-matched baselines only the one that matches m* is shown.
std::vector<Table1Row> table1_of(const std::vector<CellRow>& cells);

// M of a budget "steps:M", 0 for "epochs".
int matched_steps_of(const std::string& budget);

} // namespace dagan
