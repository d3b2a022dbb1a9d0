// Bootstrap intervals of the mean of a few seeds, as an alternative to Student's t, which assumes
// normal values.
//
// n values have n^n equally likely resamples, but only C(2n-1, n) different ones. Up to
// kExactBootstrap values, all of them are visited, so the interval is exact and equal on every
// machine. For more values, resamples are drawn from a fixed random stream.
#pragma once

#include <optional>
#include <span>

namespace dagan::results {

inline constexpr int kExactBootstrap = 9;     // 24,310 different resamples
inline constexpr int kDrawnResamples = 20000; // for more values
inline constexpr double kConfidence = 0.95;   // of every interval

struct Interval {
    double low = 0, high = 0;
};

// Returns the 95 % BCa interval of the mean (bias-corrected and accelerated; Efron, JASA 82 (1987)
// 171). Quantiles of the resampled means are interpolated between neighbours, as numpy does by
// default. Returns nullopt for fewer than two values, and a point if all are equal. With five seeds
// the interval is usually narrower than the t interval and covers the true mean less often, so it
// is shown beside the t interval and does not replace it.
std::optional<Interval> bca_interval(std::span<const double> values);

} // namespace dagan::results
