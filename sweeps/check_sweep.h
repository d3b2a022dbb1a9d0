// The checks of a sweep beyond the type of each value: ranges, splits, data, rows. Each reports all
// problems that it finds, and none for a key that already has one. They run in the order below.
#pragma once

#include "sweeps/findings.h"
#include "sweeps/load_sweep.h"

namespace dagan::sweeps {

// Checks that numbers are within their ranges and that options do not contradict each other.
void check_options(const Sweep& sweep, Findings& findings);

// Checks names, files and splits of the data sets. Fills `loaded.known` for those that the sweep
// uses.
void check_datasets(LoadedSweep& loaded, const DatasetLookup& lookup, MissingData missing,
                    Findings& findings);

// Checks the rows: data sets exist, no cell occurs twice, training and held-out images fit the
// smallest class, and generated images fit the pool.
void check_rows(const LoadedSweep& loaded, Findings& findings);

} // namespace dagan::sweeps
