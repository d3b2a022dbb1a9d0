#include "results/store/trial_record.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dagan::results {

namespace {

// Accuracies may have passed through single precision: 18,800 cases times its rounding is below this.
constexpr double kCountTolerance = 0.01;

int count_of(const CurvePoint& point, int total, const std::string& task) {
    const double count = point.value * total;
    require(std::abs(count - std::round(count)) < kCountTolerance && count > -0.5 &&
                count < total + 0.5,
            fmt::format("task {}: the validation accuracy of epoch {}, {}, is a count over {}",
                        task, point.step, point.value, total));
    return static_cast<int>(std::lround(count));
}

// The later of two is preferred only when strictly better.
bool chosen_before(const EpochCounts& a, const EpochCounts& b, EpochSelect rule) {
    if (rule == EpochSelect::last) return a.epoch > b.epoch;
    return a.validation_correct != b.validation_correct
               ? a.validation_correct > b.validation_correct
               : a.epoch < b.epoch;
}

} // namespace

std::vector<EpochCounts> validation_counts(const TaskResult& result, EpochSelect rule) {
    require(result.score.has_value(), "a trial's record is made from a result with a score");
    const auto& score = *result.score;
    if (score.validation_total == 0) {
        require(rule == EpochSelect::last,
                fmt::format("task {}: only the last epoch is chosen without validation cases",
                            result.task));
        return {{score.best_epoch, 0}};
    }
    std::vector<EpochCounts> epochs;
    for (const auto& point : result.curve) {
        if (point.quantity != kValidationAccuracy || point.step < 1) continue;
        epochs.push_back(
            {static_cast<int>(point.step), count_of(point, score.validation_total, result.task)});
    }
    require(!epochs.empty(),
            fmt::format("task {}: a score comes with its curve '{}', one point for each epoch",
                        result.task, kValidationAccuracy));
    const auto chosen =
        *std::min_element(epochs.begin(), epochs.end(),
                          [&](const auto& a, const auto& b) { return chosen_before(a, b, rule); });
    require(chosen == EpochCounts{score.best_epoch, score.validation_correct},
            fmt::format("task {}: its score is that of epoch {} ({} correct), the epoch that '{}' "
                        "chooses, not of epoch {} ({} correct)",
                        result.task, chosen.epoch, chosen.validation_correct, to_string(rule),
                        score.best_epoch, score.validation_correct));
    return epochs;
}

} // namespace dagan::results
