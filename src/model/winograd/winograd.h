// The 3x3 convolution with SAME padding, stride 1 or 2, for floats on the CPU, by Winograd's algorithm: for 16 output pixels 36
// multiply-adds of stride 1 (F(4x4, 3x3), Lavin and Gray, arXiv 1509.09308) and 81 of stride 2 (Scheme, winograd_kernels.h)
// instead of 144. It computes one trilinear form,
//     T(x, g, e) = sum over points, tiles, channels of V(x) U(g) W(e),    V = B^T d B,  U = G g G^T,  W = A e A^T,
// by whichever of its arguments is asked for: y = dT/de is the convolution, dT/dx its gradient by the map, dT/dg by the kernel.
// So the gradients are exact adjoints of the convolution, share its three transforms, and their own gradients are the same three.
// Results do not depend on the number of threads, and those of an image not on its place in the batch. No autograd here.
#pragma once

#include "model/winograd/winograd_kernels.h"

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace dagan::model::winograd {

// x is one map or several whose channels follow each other; each is read where it lies, resized by nearest neighbour to
// height x width (resize_nearest, same_conv.h).
struct Shape {
    int64_t map_height = 0, map_width = 0; // of the maps
    int64_t height = 0, width = 0;         // of what is convolved; not smaller
    int64_t stride = 1;
    // Of each of the maps that x is made of: 16 or more. Fewer have maps that are not the first and whose gradient nobody asks
    // for; these may be of any size.
    std::vector<int64_t> channels;

    int64_t output_height() const { return (height + stride - 1) / stride; }
    int64_t output_width() const { return (width + stride - 1) / stride; }
    int64_t all_channels() const;
};

// The arguments of T. Maps are [B, C_i, map H, map W] and [B, K, output H, output W], kernels [K, sum of C_i, 3, 3], K 16 or
// more; float, on the CPU. They are read channels last; other layouts are copied first.
struct Arguments {
    std::vector<torch::Tensor> x;
    torch::Tensor kernel, output_gradient;
    torch::Tensor bias = {}; // [K], of the output; may be left out
    // As the kernel, channels last: what the kernel's gradient is added to. Left out: it is a tensor of its own.
    torch::Tensor kernel_gradient_sum = {};
};

// What to compute. Each needs the two other arguments.
struct Wanted {
    bool output = false, x_gradient = false, kernel_gradient = false;
};

// Channels last; undefined, or none, what was not wanted. The gradients by maps of fewer than 16 channels, which nobody asks
// for, are zeros of one pixel.
struct Results {
    torch::Tensor output, kernel_gradient;
    std::vector<torch::Tensor> x_gradient;
};

Results compute(const Shape& shape, const Arguments& arguments, const Wanted& wanted,
                const Kernels& kernels = kernels_of_cpu());

} // namespace dagan::model::winograd
