// Tests of "is this more than noise?" for a few seeds: Student's t on paired differences, Welch's t on two campaigns that share
// no seeds, and Holm's correction when many are asked at once. All two-sided. No test with too few values: nothing, not "no
// effect".
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace dagan::results {

inline constexpr double kSignificance = 0.05; // a p value below it is called significant

// P(|T| >= |t|) under no difference, of the mean of `differences`; nothing with fewer than two. Differences that are all equal
// have no spread to measure against: 1 when they are 0, else 0.
std::optional<double> paired_p(std::span<const double> differences);

// Welch's test of equal means with unequal variances (Satterthwaite's degrees of freedom); nothing unless both have two values.
std::optional<double> welch_p(std::span<const double> a, std::span<const double> b);

// Holm's step-down adjustment (Holm 1979): below kSignificance for some means that the chance of any false claim among all is.
// Tests that could not be made stay nothing and do not count.
std::vector<std::optional<double>> holm_adjusted(std::span<const std::optional<double>> p);

} // namespace dagan::results
