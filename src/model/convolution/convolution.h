// 3x3 SAME convolutions of float maps on the CPU, differentiable as often as wanted. A convolution, its gradient by the map and
// its gradient by the kernel are the three derivatives of one trilinear form, so the derivatives of each are the other two:
// whatever autograd asks for, the penalty's second derivatives included, is one of three operations, and LibTorch's generic (and
// slow) double backward is never met. Each is computed by Winograd's algorithm (winograd.h) or directly, by oneDNN.
#pragma once

#include "spec/network.h"
#include "spec/sweep.h"

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace dagan::model {

// A convolution's shape, and how it is computed.
struct ConvolutionShape {
    int64_t in_channels = 0, out_channels = 0;
    int64_t size = 0; // of the map that is convolved: after its resize
    int64_t kernel = 3, stride = 1;
};

// Can Winograd's algorithm do it at all?
bool winograd_can(const ConvolutionShape& shape);

// Is it to be done by Winograd's algorithm? `automatic` follows a rule that was measured (docs/performance.md); it looks at the
// shape alone, and at whether the CPU has vectors of 8 floats, so that all ranks of a campaign, and all its attempts, agree.
bool winograd_chosen(Convolution choice, const ConvolutionShape& shape);

// How it is to be done. `winograd` is for shapes that it can do.
struct ConvolutionPlan {
    int64_t stride = 1;
    bool winograd = false;
    std::optional<int64_t> resized_to =
        {}; // pixels either way, by nearest neighbour, before the convolution
    // As the kernel, channels last. Backward passes that are not differentiated themselves add the kernel's gradient to it, and
    // give autograd none: a gradient of its own would be written, read again and added. Undefined: autograd gets it.
    torch::Tensor kernel_gradient_sum = {};
};

// x [B, C, H, W] is one map, or several whose channels follow each other (the later ones may be [B, C, 1, 1]: one value all
// over); kernel [K, C, 3, 3], bias [K]; float, on the CPU. Winograd's algorithm reads the maps where they lie; the direct way
// joins and resizes them first.
torch::Tensor convolution_3x3(std::vector<torch::Tensor> x, const torch::Tensor& kernel,
                              const torch::Tensor& bias, const ConvolutionPlan& plan);

} // namespace dagan::model
