// The checks of a sweep beyond the type of each value: ranges, splits, what the data can give, rows. Each reports all it finds.
#pragma once

#include "sweeps/findings.h"
#include "sweeps/load_sweep.h"

namespace dagan::sweeps {

// Numbers within their ranges, and options that do not fit one another.
void check_options(const Sweep& sweep, Findings& findings);

// Data sets: names, splits, files; fills `known` of all that the sweep uses.
void check_datasets(LoadedSweep& loaded, const DatasetLookup& lookup, MissingData missing,
                    Findings& findings);

// The rows: known data sets, no cell twice, cases that fit the images of a class, generated images that fit the pool.
void check_rows(const LoadedSweep& loaded, Findings& findings);

} // namespace dagan::sweeps
