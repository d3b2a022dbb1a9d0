// The training curves of a campaign as one table: what `dagan results curves` prints.
#pragma once

#include "results/database/location.h"
#include "results/database/table.h"

#include <string>

namespace dagan::results {

// Returns one row for each point, with the columns task (its key), quantity, step (an iteration of
// a DAGAN, an epoch of a classifier or selector) and value; value is NULL if it is not a number.
// Rows are sorted by task, quantity and step, byte by byte, so that equal campaigns give equal
// tables in every database. Includes validation_accuracy, a share computed from the counts of each
// epoch. `quantity`: only that one; "": all. No rows if nothing was logged.
// Throws Blame::input if `database` holds no results.
Table curve_table(const Location& database, const std::string& quantity = "");

} // namespace dagan::results
