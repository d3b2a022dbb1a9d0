// The cost of a task in multiply-adds, counted from the tables of its networks (spec/network.h;
// docs/reference/model.md, eq. (43)). Divided by a rate they give a time (coordinator/forecast.h).
// The shape of the data is taken from the task (DatasetRef.options.expect, set by expand).
#pragma once

#include "spec/task.h"

#include <cstdint>

namespace dagan::sweeps {

// Returns the multiply-adds of the whole task. `plan` must contain the tasks that it needs.
double macs_of(const TaskSpec& spec, const Plan& plan);

// Returns the length of the task in the unit of its progress: optimiser steps of a classifier or
// selector, iterations of a DAGAN, generated images of a pool.
int64_t steps_of(const TaskSpec& spec);

// Returns the number of classes of a task: of the softmax of a classifier or selector, of the
// images from which a pool is generated, or of those that train a DAGAN.
int classes_of_task(const TaskSpec& spec);

} // namespace dagan::sweeps
