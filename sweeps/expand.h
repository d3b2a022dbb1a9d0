// Expands a sweep into a plan: one task for each selector, DAGAN, pool and classifier, which depend
// on each other in this order (docs/internals/architecture.md). A pure function: equal sweeps give
// equal plans, with tasks in topological order and in the order of the sweep's rows.
//
// - A DAGAN, its selector and a pool are planned only if a row with m >= 1 needs them.
// - In the data set of each task, `end` is replaced by the number of classes, and `expect` is the
//   shape for which the plan was made, so that the cost of a task is known without the file.
// - Each (data set, seed) has one random stream for its pool and all its classifiers, so that they
//   are paired over n and m.
// - Budget `epochs` plans the cells of the row. `steps` replaces m = 0 by a baseline for every M >=
//   1 of the row, trained for as many steps as the run with m = M. `both` plans both.
#pragma once

#include "spec/task.h"
#include "sweeps/load_sweep.h"

namespace dagan::sweeps {

// `loaded` must have passed load_sweep.
Plan expand(const LoadedSweep& loaded);

} // namespace dagan::sweeps
