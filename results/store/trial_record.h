// What the database keeps of a trained classifier: validation counts of every epoch and the scores at the chosen one. Made from a
// TaskResult, refused when the two do not agree. Internal to results.
#pragma once

#include "spec/result.h"
#include "spec/sweep.h"

#include <vector>

namespace dagan::results {

inline constexpr const char* kValidationAccuracy = "validation_accuracy";

struct EpochCounts {
    int epoch = 0; // from 1
    int validation_correct = 0;

    bool operator==(const EpochCounts&) const = default;
};

// The counts behind the curve "validation_accuracy". Throws Blame::bug when a value is not a count over the score's total, or
// when the score is not that of the epoch that `rule` chooses (best_val: highest count, the earliest on ties; last: the last).
// Without validation cases (only with `last`) there is no curve; the chosen epoch alone is recorded.
std::vector<EpochCounts> validation_counts(const TaskResult& result, EpochSelect rule);

} // namespace dagan::results
