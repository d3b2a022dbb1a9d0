// The 3x3 convolution of stride 1 with zeros around the map (SAME), for floats on the CPU, by Winograd's F(4x4, 3x3): 36
// multiply-adds for 16 output pixels instead of 144 (Lavin and Gray, arXiv 1509.09308). It computes one trilinear form,
//     T(x, g, e) = sum over points, tiles, channels of V(x) U(g) W(e),    V = B^T d B,  U = G g G^T,  W = A e A^T,
// by whichever of its arguments is asked for: y = dT/de is the convolution, dT/dx its gradient by the map, dT/dg by the kernel.
// So the gradients are exact adjoints of the convolution, share its three transforms, and their own gradients are the same three.
// Results do not depend on the number of threads, and those of an image not on its place in the batch. No autograd here.
#pragma once

#include "model/winograd_kernels.h"

#include <torch/torch.h>

namespace dagan::winograd {

// The arguments of T. Maps are [B, C, H, W] and [B, K, H, W], kernels [K, C, 3, 3], C and K 16 or more; float, on the CPU. They
// are read channels last; other layouts are copied first.
struct Arguments {
    torch::Tensor x, kernel, output_gradient; // two of them, or three
    torch::Tensor bias;                       // [K], of the output; may be left out
};

// What to compute. Each needs the two other arguments.
struct Wanted {
    bool output = false, x_gradient = false, kernel_gradient = false;
};

// Channels last; undefined what was not wanted.
struct Results {
    torch::Tensor output, x_gradient, kernel_gradient;
};

Results compute(const Arguments& arguments, const Wanted& wanted, const Kernels& kernels = kernels_of_cpu());

} // namespace dagan::winograd
