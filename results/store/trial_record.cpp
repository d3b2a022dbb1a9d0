#include "results/store/trial_record.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dagan::results {

namespace {

// Accuracies may have been rounded to single precision. Even with the 18,800 test cases of EMNIST,
// the error of a count stays below this.
constexpr double kCountTolerance = 0.01;

int count_of(const CurvePoint& point, int total, const std::string& task) {
    const double count = point.value * total;
    require(std::abs(count - std::round(count)) < kCountTolerance && count > -0.5 &&
                count < total + 0.5,
            fmt::format("task {}: the validation accuracy of epoch {}, {}, is not a count over {}",
                        task, point.step, point.value, total));
    return static_cast<int>(std::lround(count));
}

// Returns true if `rule` prefers `a`. With best_val, the earlier epoch wins a tie.
bool chosen_before(const EpochCounts& a, const EpochCounts& b, EpochSelect rule) {
    if (rule == EpochSelect::last) return a.epoch > b.epoch;
    return a.validation_correct != b.validation_correct
               ? a.validation_correct > b.validation_correct
               : a.epoch < b.epoch;
}

} // namespace

std::vector<EpochCounts> validation_counts(const TaskResult& result, EpochSelect rule) {
    require(result.score.has_value(), "validation_counts() of a result without a score");
    const auto& score = *result.score;
    if (score.validation_total == 0) {
        require(rule == EpochSelect::last,
                fmt::format("task {}: '{}' chooses an epoch, but there are no validation cases",
                            result.task, to_string(rule)));
        return {{score.best_epoch, 0}};
    }
    std::vector<EpochCounts> epochs;
    for (const auto& point : result.curve) {
        if (point.quantity != kValidationAccuracy || point.step < 1) continue;
        epochs.push_back(
            {static_cast<int>(point.step), count_of(point, score.validation_total, result.task)});
    }
    require(!epochs.empty(),
            fmt::format("task {}: a score without its curve '{}', one point per epoch", result.task,
                        kValidationAccuracy));
    const auto chosen =
        *std::min_element(epochs.begin(), epochs.end(),
                          [&](const auto& a, const auto& b) { return chosen_before(a, b, rule); });
    require(
        chosen == EpochCounts{score.best_epoch, score.validation_correct},
        fmt::format("task {}: '{}' chooses epoch {} ({} correct), but the score is that of epoch "
                    "{} ({} correct)",
                    result.task, to_string(rule), chosen.epoch, chosen.validation_correct,
                    score.best_epoch, score.validation_correct));
    return epochs;
}

} // namespace dagan::results
