// Measures whether the rule of `convolution: auto` (model/convolution/convolution.h) suits this
// CPU: times every 3x3 convolution of a workload's networks that Winograd's algorithm supports,
// directly and by Winograd's algorithm.
#pragma once

#include "bench/sides.h"
#include "model/convolution/convolution_timing.h"

#include <algorithm>
#include <vector>

namespace dagan::bench {

struct TimedConvolution {
    model::ConvolutionShape shape;
    int64_t batch = 0;
    int layers = 0;        // number of layers with this shape and batch
    bool winograd = false; // `auto` chooses Winograd's algorithm
    model::ConvolutionTimes times;

    // Seconds of the output and both gradients together.
    double direct_s() const { return total(times.direct); }
    double winograd_s() const { return total(times.winograd); }
    double chosen_s() const { return winograd ? winograd_s() : direct_s(); }
    double faster_s() const { return std::min(direct_s(), winograd_s()); }

  private:
    static double total(const model::OperationTimes& one) {
        return one.output + one.x_gradient + one.kernel_gradient;
    }
};

// Returns the times of each distinct shape and batch, the largest maps first. `rounds` as in
// measure_convolution.
std::vector<TimedConvolution> time_convolutions(const Workload& workload, int rounds);

// Returns the time of all layers with the rule's choices, divided by the time with the faster
// algorithm for each shape. 1 means that every choice of the rule is the faster one.
double slowdown_of_rule(const std::vector<TimedConvolution>& convolutions);

} // namespace dagan::bench
