// Statistics of a few seeds: mean, sample standard deviation, and a 95 % interval of the mean by
// Student's t or by the bootstrap.
#pragma once

#include "spec/fields.h"

#include <optional>
#include <span>

namespace dagan::results {

// The summary of independent values. Without a value there is no mean; with fewer than two there is
// no standard deviation and no interval.
struct Summary {
    int count = 0;
    std::optional<double> mean;
    std::optional<double> sd; // with count - 1
    // mean -+ t(0.975, count - 1) * sd / sqrt(count); not clipped to [0, 1].
    std::optional<double> low, high;
};

// Summarises values with a t interval.
Summary summarize(std::span<const double> values);

DAGAN_ENUM(IntervalMethod, t, bootstrap)

// Summarises values with the interval by `method` (bootstrap: results/statistics/bootstrap.h).
Summary summarize(std::span<const double> values, IntervalMethod method);

// Returns the value that a Student t variable of `degrees` degrees of freedom stays below with
// `probability`. Throws Blame::bug unless 0 < probability < 1 and degrees > 0.
double student_t_quantile(double probability, double degrees);

} // namespace dagan::results
