// The 3x3 convolution with SAME padding, stride 1 or 2, of float32 maps on the CPU, by Winograd's
// algorithm. See docs/internals/winograd.md.
//
// 16 output pixels cost 36 multiply-adds with stride 1 (F(4x4, 3x3), Lavin and Gray, arXiv
// 1509.09308) and 81 with stride 2 (Scheme, winograd_kernels.h), instead of 144. The module
// computes one trilinear form,
//
//     T(x, g, e) = sum over points, tiles and channels of V(x) U(g) W(e),
//     V = B^T d B,   U = G g G^T,   W = A e A^T,
//
// differentiated by any of its arguments: y = dT/de is the convolution, dT/dx its gradient with
// respect to the map, dT/dg with respect to the kernel. The gradients are therefore exact adjoints
// of the convolution, share its three transforms, and have the same three operations as gradients.
//
// Results do not depend on the number of threads. Those of an image do not depend on its place in
// the batch. No autograd here; see convolution/convolution.h.
//
//     const Shape shape{28, 28, 28, 28, 1, {64}};                   // one map of 64 channels
//     const Results results = compute(shape, {{x}, kernel}, {.output = true});
#pragma once

#include "model/winograd/winograd_kernels.h"

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace dagan::model::winograd {

// x is one map, or several that are concatenated over their channels. Each map is read in place,
// resized by nearest neighbour to height x width (resize_nearest, tensor/same_conv.h).
struct Shape {
    // Of the maps.
    int64_t map_height = 0, map_width = 0;
    // Of the convolved map; not smaller than the maps.
    int64_t height = 0, width = 0;
    int64_t stride = 1;
    // Channels of each map of x. Maps with fewer than 16 must not be the first, must not need a
    // gradient, and may have any size.
    std::vector<int64_t> channels;

    int64_t output_height() const { return (height + stride - 1) / stride; }
    int64_t output_width() const { return (width + stride - 1) / stride; }
    int64_t all_channels() const;
};

// The arguments of T, float32 on the CPU. Tensors of another layout than channels last are copied.
struct Arguments {
    // [B, C_i, map_height, map_width]
    std::vector<torch::Tensor> x;
    // [K, sum of C_i, 3, 3], K >= 16, and [B, K, output_height, output_width]
    torch::Tensor kernel, output_gradient;
    // [K], added to the output; optional.
    torch::Tensor bias = {};
    // Same shape as the kernel, channels last: the kernel's gradient is added to it. Undefined: the
    // gradient is returned in a new tensor.
    torch::Tensor kernel_gradient_sum = {};
};

// The results to compute. Each needs the two other arguments of T.
struct ResultMask {
    bool output = false, x_gradient = false, kernel_gradient = false;
};

// The computed results, channels last; the others are undefined or empty. The gradient of a map of
// fewer than 16 channels is zeros [B, C_i, 1, 1].
struct Results {
    torch::Tensor output, kernel_gradient;
    std::vector<torch::Tensor> x_gradient;
};

// Throws Blame::bug if shape and arguments do not fit.
Results compute(const Shape& shape, const Arguments& arguments, const ResultMask& mask,
                const Kernels& kernels = kernels_of_cpu());

} // namespace dagan::model::winograd
