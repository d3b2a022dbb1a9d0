// What a task costs, in operations counted from the networks' tables (dagan.md section 13) and, over a rate, in seconds.
// Both read the shape of the data from the task itself (DatasetRef.options.expect, which expand fills in).
#pragma once

#include "spec/task.h"

#include <cstdint>

namespace dagan::sweeps {

// Multiply-adds of the whole task. `plan` holds the tasks that this one needs.
double macs_of(const TaskSpec& spec, const Plan& plan);

// The whole task in the unit of its progress: optimiser steps of a classifier, iterations of a DAGAN, generated images of a pool.
int64_t steps_of(const TaskSpec& spec);

// Classes of a task's softmax: a classifier's, a selector's, or those whose images a pool or a DAGAN starts from.
int classes_of_task(const TaskSpec& spec);

} // namespace dagan::sweeps
