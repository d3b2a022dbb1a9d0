#include "results/statistics/significance.h"

#include "results/statistics/statistics.h"

#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dagan::results {

namespace {

// Returns P(|T| >= |mean / error|), where `error` is the standard error of `mean`.
double two_sided_p(double mean, double error, double degrees) {
    if (error == 0) return mean == 0 ? 1 : 0;
    return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(degrees),
                                                        std::abs(mean / error)));
}

} // namespace

std::optional<double> paired_p(std::span<const double> differences) {
    const Summary summary = summarize(differences);
    if (!summary.sd) return std::nullopt;
    // Differences that are equal up to rounding have no spread.
    const auto [smallest, largest] = std::minmax_element(differences.begin(), differences.end());
    if (*largest - *smallest < 1e-12)
        return two_sided_p(std::abs(*summary.mean) < 1e-12 ? 0 : *summary.mean, 0, 1);
    return two_sided_p(*summary.mean, *summary.sd / std::sqrt(summary.count), summary.count - 1);
}

std::optional<double> welch_p(std::span<const double> a, std::span<const double> b) {
    const Summary first = summarize(a), second = summarize(b);
    if (!first.sd || !second.sd) return std::nullopt;
    const double of_first = *first.sd * *first.sd / first.count,
                 of_second = *second.sd * *second.sd / second.count;
    const double both = of_first + of_second;
    if (both < 1e-24)
        return two_sided_p(
            std::abs(*first.mean - *second.mean) < 1e-12 ? 0 : *first.mean - *second.mean, 0, 1);
    const double degrees =
        both * both /
        (of_first * of_first / (first.count - 1) + of_second * of_second / (second.count - 1));
    return two_sided_p(*first.mean - *second.mean, std::sqrt(both), degrees);
}

std::vector<std::optional<double>> holm_adjusted(std::span<const std::optional<double>> p) {
    std::vector<size_t> order;
    for (size_t i = 0; i < p.size(); ++i) {
        if (p[i]) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return *p[a] < *p[b]; });
    std::vector<std::optional<double>> adjusted(p.size());
    double largest = 0;
    for (size_t rank = 0; rank < order.size(); ++rank) {
        largest = std::max(
            largest, std::min(1.0, static_cast<double>(order.size() - rank) * *p[order[rank]]));
        adjusted[order[rank]] = largest;
    }
    return adjusted;
}

} // namespace dagan::results
