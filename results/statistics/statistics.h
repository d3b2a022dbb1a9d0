// The statistics of a few seeds: mean, sample standard deviation, an interval by Student's t or by the bootstrap.
#pragma once

#include "spec/fields.h"

#include <optional>
#include <span>

namespace dagan::results {

// Of independent values. No mean without a value; no spread or interval with fewer than two.
struct Summary {
    int count = 0;
    std::optional<double> mean, sd; // sd with count - 1
    std::optional<double> low,
        high; // mean -+ t(0.975, count - 1) * sd / sqrt(count); not cut off at 0 or 1
};
Summary summarize(std::span<const double> values);

DAGAN_ENUM(IntervalMethod, t, bootstrap)

// The same with the interval by another method (bootstrap: bootstrap.h).
Summary summarize(std::span<const double> values, IntervalMethod method);

// The value that a Student t variable of `degrees` degrees of freedom stays below with `probability`, in (0, 1).
double student_t_quantile(double probability, double degrees);

} // namespace dagan::results
