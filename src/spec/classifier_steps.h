// Optimiser steps of a classifier's training, docs/reference/model.md, eqs. (35), (36) and (40).
// The training and the cost model share these functions.
//
// `real_images` is the number K * n of real training images, `generated_per_real` is m. The last,
// smaller batch of an epoch counts as a step.
#pragma once

#include "spec/task.h"

#include <algorithm>
#include <cstdint>

namespace dagan {

// Eq. (35).
inline int64_t classifier_steps_per_epoch(const ClassifierOptions& options, int64_t real_images,
                                          int generated_per_real) {
    const int64_t images = real_images * (1 + generated_per_real), batch = options.batch_size;
    return (images + batch - 1) / batch;
}

// Eq. (36): steps of a run of options.epochs epochs.
inline int64_t classifier_steps(const ClassifierOptions& options, int64_t real_images,
                                int generated_per_real) {
    return options.epochs * classifier_steps_per_epoch(options, real_images, generated_per_real);
}

// Returns the m whose number of steps the task takes: M of the budget "steps:M", else the task's
// own. Only a baseline, m = 0, has such a budget.
inline int step_budget_m(const ClassifierTask& task) {
    return std::max(task.generated_per_real, task.match_steps_of);
}

// Eq. (40): steps of the task.
inline int64_t classifier_steps(const ClassifierTask& task, int64_t real_images) {
    return classifier_steps(task.classifier, real_images, step_budget_m(task));
}

// Returns how many epochs the steps begin; the last one may be cut short.
inline int64_t epochs_of_steps(int64_t steps, int64_t steps_per_epoch) {
    return (steps + steps_per_epoch - 1) / steps_per_epoch;
}

} // namespace dagan
