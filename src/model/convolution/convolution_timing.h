// Timings of a 3x3 convolution by both methods, direct and Winograd. They check on a given CPU that
// the rule of `convolution: auto` holds.
//
// Training never calls this: a choice by timing could differ between ranks.
#pragma once

#include "model/convolution/convolution.h"

namespace dagan::model {

// Seconds, the minimum over all rounds.
struct OperationTimes {
    double output = 0, x_gradient = 0, kernel_gradient = 0;
};

struct ConvolutionTimes {
    OperationTimes direct, winograd;
    int64_t multiply_adds = 0; // of one operation by the direct method
};

// Measures both methods alternately, `rounds` times, on random maps [batch, C, H, W], with
// LibTorch's current number of threads. Throws Blame::bug unless winograd_supports(shape).
ConvolutionTimes measure_convolution(const ConvolutionShape& shape, int64_t batch, int rounds);

} // namespace dagan::model
