// A database made again from what `dagan results rows --format csv` printed, so that a table can be published as one small text
// file and still be asked everything that is asked of trials: cells, gains, table1, plots, comparisons. Curves, costs and
// artifacts are not in it; in the place of its attempts a trial has one, on a host called "rows".
#pragma once

#include "results/store/store.h"

#include <filesystem>

namespace dagan::results {

// Makes `database`, which must not exist. Planned trials that `rows` lacks are missing. Throws Blame::input, naming the line,
// when the file is not such a table, or holds a trial that the plan does not have.
void make_database_of_rows(const std::filesystem::path& rows, const Campaign& campaign,
                           const Plan& plan, const std::filesystem::path& database);

} // namespace dagan::results
