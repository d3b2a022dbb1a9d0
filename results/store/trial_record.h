// The database's record of a trained classifier: the validation counts of every epoch, from which
// the reported epoch follows. Internal to results.
#pragma once

#include "spec/result.h"
#include "spec/sweep.h"

#include <vector>

namespace dagan::results {

// The curve that holds the share of correct validation cases after each epoch.
inline constexpr const char* kValidationAccuracy = "validation_accuracy";

struct EpochCounts {
    int epoch = 0; // from 1
    int validation_correct = 0;

    bool operator==(const EpochCounts&) const = default;
};

// Returns the counts behind the curve "validation_accuracy", one per epoch. `rule` chooses the
// epoch: best_val is the highest count, the earliest on ties; last is the last epoch. Without
// validation cases (`last` only) there is no curve, and the chosen epoch alone is returned.
// Throws Blame::bug if a value of the curve is not a count over the score's total, or if the score
// is not that of the chosen epoch.
std::vector<EpochCounts> validation_counts(const TaskResult& result, EpochSelect rule);

} // namespace dagan::results
