// The sweep as a plan: selector -> gan -> pool -> classifier, one task per thing to train or make (architecture, "Tasks of a
// campaign"). Pure: equal input gives equal plans, tasks in topological order, in the order of the sweep's rows.
//
// A DAGAN, its selector and a pool are planned only where a row with m >= 1 needs them. In each task's data set, `end` is
// replaced by the number of classes and `expect` holds the shape that the plan was made for, so that a task can be costed without
// its file. One (data set, seed) has one random stream for its pool and all its classifiers: they are paired over n and m.
// Budgets: `epochs` plans the row's cells as they stand; `steps` replaces each m = 0 by one baseline for every M >= 1 of the row,
// trained for as many steps as the run with m = M; `both` plans both.
#pragma once

#include "spec/task.h"
#include "sweeps/load_sweep.h"

namespace dagan::sweeps {

Plan expand(const LoadedSweep& loaded);

} // namespace dagan::sweeps
