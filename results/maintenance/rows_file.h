// Rebuilds a database from the output of `dagan results rows --format csv`.
//
// A result can thus be published as one small text file and still answer every question about
// trials: cells, gains, table1, plots and comparisons. Curves, costs and artifacts are not in it.
// Each trial has one attempt, on a host named "rows".
#pragma once

#include "results/store/store.h"

#include <filesystem>

namespace dagan::results {

// Creates `database`, which must not exist, from the table `rows` and the campaign's plan. Planned
// trials that `rows` does not contain are missing. Throws Blame::input, with the line, if the file
// is not such a table or contains a trial that is not in the plan.
void make_database_of_rows(const std::filesystem::path& rows, const Campaign& campaign,
                           const Plan& plan, const std::filesystem::path& database);

} // namespace dagan::results
