// Convolutions with TensorFlow's SAME padding, the resize before some of them, and the initial
// weights: docs/reference/model.md, eqs. (6) to (8). Maps are [B, C, H, W].
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace dagan::model {

// Zeros before the first and after the last pixel of one axis.
struct Padding {
    int64_t before = 0, after = 0;
    bool operator==(const Padding&) const = default;
};

// Eq. (6): the output has ceil(size / stride) pixels; an odd pixel of padding goes after.
Padding same_padding(int64_t size, int64_t kernel, int64_t stride);

// Convolves x [B, C_in, H, W] with weight [C_out, C_in, k, k] and bias [C_out]. Returns
// [B, C_out, ceil(H / stride), ceil(W / stride)].
torch::Tensor same_conv(const torch::Tensor& x, const torch::Tensor& weight,
                        const torch::Tensor& bias, int64_t stride);

// Eq. (7), nearest neighbour: pixel i of `size` reads floor(i * size_in / size). Returns
// [B, C, size, size]; x itself if it has that size.
torch::Tensor resize_nearest(const torch::Tensor& x, int64_t size);

// Eq. (8): fills `weight`, [out, in] or [out, in, k, k], with U(-a, a),
// a = sqrt(6 / (fan_in + fan_out)), drawn in element order from the stream. A fan is the number of
// channels times k * k.
void fill_glorot_uniform(torch::Tensor& weight, uint64_t stream);

} // namespace dagan::model
