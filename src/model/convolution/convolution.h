// 3x3 SAME convolutions of float32 maps on the CPU, differentiable any number of times.
//
// A convolution, its gradient with respect to the map and its gradient with respect to the kernel
// are the three derivatives of one trilinear form, so the derivatives of each are the other two.
// Every derivative that autograd needs, the penalty's second derivatives included, is one of these
// three operations; LibTorch's generic double backward, which is slow, is never used. Each
// operation is computed by Winograd's algorithm (winograd/winograd.h) or directly by oneDNN.
//
//     const torch::Tensor y = convolution_3x3({x}, kernel, bias, {.stride = 2, .winograd = true});
#pragma once

#include "spec/network.h"
#include "spec/sweep.h"

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace dagan::model {

struct ConvolutionShape {
    int64_t in_channels = 0, out_channels = 0;
    int64_t size = 0; // H = W of the convolved map, after its resize
    int64_t kernel = 3, stride = 1;
};

// Whether Winograd's algorithm supports the shape: 3x3, stride 1 or 2, at least 16 channels on both
// sides.
bool winograd_supports(const ConvolutionShape& shape);

// Whether Winograd's algorithm computes the shape. `automatic` follows the rule in
// docs/internals/winograd.md. It depends on the shape and on whether the CPU has vectors of 8
// floats, never on a timing, so all ranks and all attempts of a campaign agree.
bool winograd_selected(Convolution choice, const ConvolutionShape& shape);

// How a convolution is computed. `winograd` requires a supported shape.
struct ConvolutionPlan {
    int64_t stride = 1;
    bool winograd = false;
    // Height and width to which the map is resized first, by nearest neighbour, eq. (7).
    std::optional<int64_t> resized_to = {};
    // Same shape as the kernel, channels last. If defined, backward passes that are not themselves
    // differentiated add the kernel's gradient to it and return none to autograd; this saves
    // writing and reading a separate gradient. Undefined: autograd receives the gradient.
    torch::Tensor kernel_gradient_sum = {};
};

// Convolves the maps x [B, C_i, H, W], concatenated over their channels, with kernel
// [K, sum of C_i, 3, 3] and bias [K]. Later maps may be [B, C_i, 1, 1], one value per channel. All
// are float32 on the CPU. Returns [B, K, ceil(H / stride), ceil(W / stride)], after the resize.
// Winograd's algorithm reads the maps in place; the direct method joins and resizes them first.
// Throws Blame::bug if the plan does not fit.
torch::Tensor convolution_3x3(std::vector<torch::Tensor> x, const torch::Tensor& kernel,
                              const torch::Tensor& bias, const ConvolutionPlan& plan);

} // namespace dagan::model
