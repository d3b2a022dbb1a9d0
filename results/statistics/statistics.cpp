#include "results/statistics/statistics.h"

#include "base/error.h"
#include "results/statistics/bootstrap.h"

#include <boost/math/distributions/students_t.hpp>

#include <cmath>
#include <numeric>

namespace dagan::results {

double student_t_quantile(double probability, double degrees) {
    require(
        probability > 0 && probability < 1 && degrees > 0,
        "student_t_quantile: the probability must be in (0, 1) and the degrees of freedom above 0");
    return boost::math::quantile(boost::math::students_t(degrees), probability);
}

Summary summarize(std::span<const double> values) {
    Summary summary;
    summary.count = static_cast<int>(values.size());
    if (values.empty()) return summary;
    const double count = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    summary.mean = mean;
    if (values.size() < 2) return summary;
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    summary.sd = std::sqrt(squares / (count - 1));
    const double half_width = student_t_quantile(0.975, count - 1) * *summary.sd / std::sqrt(count);
    summary.low = mean - half_width;
    summary.high = mean + half_width;
    return summary;
}

Summary summarize(std::span<const double> values, IntervalMethod method) {
    Summary summary = summarize(values);
    if (method == IntervalMethod::t || !summary.sd) return summary;
    const auto interval = bca_interval(values);
    summary.low = interval->low;
    summary.high = interval->high;
    return summary;
}

} // namespace dagan::results
