// The statistics of a few seeds: mean, sample standard deviation, Student's t interval.
#pragma once

#include <optional>
#include <span>

namespace dagan {

// Of independent values. No mean without a value; no spread or interval with fewer than two.
struct Summary {
    int count = 0;
    std::optional<double> mean, sd;  // sd with count - 1
    std::optional<double> low, high; // mean -+ t(0.975, count - 1) * sd / sqrt(count); not cut off at 0 or 1
};
Summary summarize(std::span<const double> values);

// The value that a Student t variable of `degrees` degrees of freedom stays below with `probability`, in (0, 1).
double student_t_quantile(double probability, double degrees);

} // namespace dagan
