// Bootstrap intervals of a mean over a few seeds, beside Student's t, which assumes normal values. Of n values there are n^n
// equally likely resamples but only C(2n-1, n) different ones; up to kExactBootstrap values all of them are visited, so that the
// interval is exact and equal on every machine. Beyond that, resamples are drawn from a fixed stream.
#pragma once

#include <optional>
#include <span>

namespace dagan::results {

inline constexpr int kExactBootstrap = 9;     // 24,310 different resamples
inline constexpr int kDrawnResamples = 20000; // of more values
inline constexpr double kConfidence = 0.95;   // of every interval

struct Interval {
    double low = 0, high = 0;
};

// The 95 % BCa interval (bias-corrected and accelerated; Efron, JASA 82 (1987) 171) of the mean. Quantiles of the resampled means
// are interpolated between neighbours, as numpy's default does. Nothing with fewer than two values; a point when all are equal.
// With five seeds it is as a rule narrower than the t interval and covers the true mean less often: it is shown beside it, not
// instead.
std::optional<Interval> bca_interval(std::span<const double> values);

} // namespace dagan::results
