// Stopwatch times of a 3x3 convolution of one shape, directly and by Winograd's algorithm: where the rule of `convolution: auto`
// comes from, and how to see on another CPU whether it holds there. Nothing that trains calls this: a choice by stopwatch would
// differ between ranks.
#pragma once

#include "model/convolution/convolution.h"

namespace dagan::model {

// Seconds, the shortest of some rounds.
struct OperationTimes {
    double output = 0, x_gradient = 0, kernel_gradient = 0;
};

struct ConvolutionTimes {
    OperationTimes direct, winograd;
    int64_t multiply_adds = 0; // of one operation done directly
};

// Measures both ways in turn, `rounds` times, on random maps of a batch, with LibTorch's present number of threads. The shape is
// one that Winograd's algorithm can do.
ConvolutionTimes measure_convolution(const ConvolutionShape& shape, int64_t batch, int rounds);

} // namespace dagan::model
