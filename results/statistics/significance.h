// Significance tests for a few seeds: Student's t test on paired differences, Welch's t test on two
// campaigns without common seeds, and Holm's correction for many tests at once.
//
// All tests are two-sided. With too few values a test returns nullopt, which does not mean "no
// effect".
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace dagan::results {

inline constexpr double kSignificance = 0.05; // a smaller p value is called significant

// Returns the p value of the paired t test: P(|T| >= |t|) if the true mean of `differences` is 0.
// Returns nullopt for fewer than two values. Equal differences have no spread: the p value is then
// 1 if they are 0, and 0 otherwise.
std::optional<double> paired_p(std::span<const double> differences);

// Returns the p value of Welch's test of equal means with unequal variances (Satterthwaite's
// degrees of freedom); nullopt unless both samples have two values.
std::optional<double> welch_p(std::span<const double> a, std::span<const double> b);

// Returns p values adjusted by Holm's step-down method (Holm 1979). If those below kSignificance
// are called significant, the probability of any false claim among all tests is at most
// kSignificance. Missing tests stay nullopt and do not count.
std::vector<std::optional<double>> holm_adjusted(std::span<const std::optional<double>> p);

} // namespace dagan::results
