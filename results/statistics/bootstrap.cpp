#include "results/statistics/bootstrap.h"

#include "base/random.h"

#include <boost/math/distributions/normal.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace dagan::results {

namespace {

// The mean of a resample, and the number of equally likely resamples that have it.
struct ResampledMean {
    double mean = 0;
    int64_t count = 0;
};

int64_t factorial(int n) { return n <= 1 ? 1 : n * factorial(n - 1); }

// Visits every multiset of n values drawn with replacement, with the number of orders in which it
// can be drawn.
class Multisets {
  public:
    explicit Multisets(std::span<const double> values)
        : values_(values), total_(static_cast<int>(values.size())) {
        visit(0, total_, 0, factorial(total_));
    }
    std::vector<ResampledMean> take() { return std::move(means_); }

  private:
    void visit(size_t index, int left, double sum, int64_t orders) {
        if (index + 1 == values_.size()) {
            means_.push_back({(sum + left * values_[index]) / total_, orders / factorial(left)});
            return;
        }
        for (int times = 0; times <= left; ++times)
            visit(index + 1, left - times, sum + times * values_[index], orders / factorial(times));
    }

    std::span<const double> values_;
    int total_;
    std::vector<ResampledMean> means_;
};

std::vector<ResampledMean> drawn_means(std::span<const double> values) {
    std::vector<ResampledMean> means;
    const uint64_t stream = derive(0, "bootstrap", {values.size()});
    for (uint32_t resample = 0; resample < kDrawnResamples; ++resample) {
        Random random(stream, resample);
        double sum = 0;
        for (size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
        means.push_back({sum / static_cast<double>(values.size()), 1});
    }
    return means;
}

class BootstrapDistribution {
  public:
    explicit BootstrapDistribution(std::span<const double> values)
        : means_(values.size() <= kExactBootstrap ? Multisets(values).take()
                                                  : drawn_means(values)) {
        std::sort(means_.begin(), means_.end(),
                  [](const auto& a, const auto& b) { return a.mean < b.mean; });
        for (const auto& mean : means_) resamples_ += mean.count;
    }

    // Returns the share of resamples below `mean`; those within `tolerance` of it count half.
    double share_below(double mean, double tolerance) const {
        double below = 0;
        for (const auto& resampled : means_) {
            if (std::abs(resampled.mean - mean) <= tolerance)
                below += 0.5 * static_cast<double>(resampled.count);
            else if (resampled.mean < mean)
                below += static_cast<double>(resampled.count);
        }
        return below / static_cast<double>(resamples_);
    }

    double quantile(double probability) const {
        const double place = probability * static_cast<double>(resamples_ - 1);
        const auto lower = static_cast<int64_t>(std::floor(place));
        const double below = at(lower), above = at(std::min(lower + 1, resamples_ - 1));
        return below + (place - static_cast<double>(lower)) * (above - below);
    }

  private:
    // Returns the mean at a position in the sorted list of all resamples.
    double at(int64_t place) const {
        for (const auto& resampled : means_) {
            if (place < resampled.count) return resampled.mean;
            place -= resampled.count;
        }
        return means_.back().mean;
    }

    std::vector<ResampledMean> means_;
    int64_t resamples_ = 0;
};

// Returns the acceleration of the BCa interval, a = sum d^3 / (6 (sum d^2)^(3/2)), where the d are
// the jackknife differences. A constant factor in d cancels, so value - mean serves as d.
double acceleration(std::span<const double> values, double mean) {
    double cubes = 0, squares = 0;
    for (const double value : values) {
        const double difference = value - mean;
        squares += difference * difference;
        cubes += difference * difference * difference;
    }
    return cubes / (6 * std::pow(squares, 1.5));
}

} // namespace

std::optional<Interval> bca_interval(std::span<const double> values) {
    if (values.size() < 2) return std::nullopt;
    const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
    if (*smallest == *largest) return Interval{*smallest, *smallest};
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    const BootstrapDistribution distribution(values);
    const boost::math::normal normal;
    const double tolerance = 1e-12 * (*largest - *smallest);
    const double bias = boost::math::quantile(normal, distribution.share_below(mean, tolerance));
    const double a = acceleration(values, mean);
    const auto limit = [&](double probability) {
        const double shifted = bias + boost::math::quantile(normal, probability);
        return distribution.quantile(boost::math::cdf(normal, bias + shifted / (1 - a * shifted)));
    };
    constexpr double kTail = (1 - kConfidence) / 2;
    return Interval{limit(kTail), limit(1 - kTail)};
}

} // namespace dagan::results
