// Does the rule of `convolution: auto` (model/convolution/convolution.h) suit this CPU? Every 3x3 convolution of a workload's networks that
// Winograd's algorithm can do, timed both ways.
#pragma once

#include "model/convolution/convolution_timing.h"
#include "train/bench/sides.h"

#include <algorithm>
#include <vector>

namespace dagan::train {

struct TimedConvolution {
    model::ConvolutionShape shape;
    int64_t batch = 0;
    int layers = 0;        // that have this shape
    bool winograd = false; // what `auto` takes
    model::ConvolutionTimes times;

    // Output and both gradients.
    double direct_s() const { return total(times.direct); }
    double winograd_s() const { return total(times.winograd); }
    double chosen_s() const { return winograd ? winograd_s() : direct_s(); }
    double faster_s() const { return std::min(direct_s(), winograd_s()); }

  private:
    static double total(const model::OperationTimes& one) {
        return one.output + one.x_gradient + one.kernel_gradient;
    }
};

// Each shape once, the largest maps first. `rounds` as in measure_convolution.
std::vector<TimedConvolution> time_convolutions(const Workload& workload, int rounds);

// All layers together: how many times as long the rule's choice takes as the faster way of each shape. 1 when the rule is right.
double price_of_the_rule(const std::vector<TimedConvolution>& convolutions);

} // namespace dagan::train
