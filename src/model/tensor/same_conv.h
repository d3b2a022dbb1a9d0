// Convolutions with TensorFlow's SAME padding, the resize that precedes some of them, and how weights begin (dagan.md section 2).
// Maps are [B, C, H, W].
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace dagan::model {

// Zeros added before the first and after the last pixel of one axis.
struct Padding {
    int64_t before = 0, after = 0;
    bool operator==(const Padding&) const = default;
};

// Output ceil(size / stride); total padding max((output - 1) stride + kernel - size, 0), the odd pixel after.
Padding same_padding(int64_t size, int64_t kernel, int64_t stride);

// weight [C_out, C_in, k, k], bias [C_out].
torch::Tensor same_conv(const torch::Tensor& x, const torch::Tensor& weight,
                        const torch::Tensor& bias, int64_t stride);

// Nearest neighbour: pixel i of `size` reads floor(i * size_in / size).
torch::Tensor resize_nearest(const torch::Tensor& x, int64_t size);

// Fills with U(-a, a), a = sqrt(6 / (fan_in + fan_out)), drawn in element order from the stream. The weight is [out, in] or
// [out, in, k, k]; a fan counts channels times k * k.
void fill_glorot_uniform(torch::Tensor& weight, uint64_t stream);

} // namespace dagan::model
