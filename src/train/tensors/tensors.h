// Between our plain memory and LibTorch's tensors: images of a data set, noise vectors, both functions of where they are used.
#pragma once

#include "data/dataset.h"

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

namespace dagan::train {

struct ImageShape {
    int channels = 0;
    int size = 0; // H = W
    int64_t values() const { return int64_t{channels} * size * size; }
    bool operator==(const ImageShape&) const = default;
};

// The shape of the data's images. Throws Blame::input when they are not square.
ImageShape shape_of(const data::Dataset& data);

// Images by index, float [N, C, H, W] in [-1, 1].
torch::Tensor image_tensor(const data::Dataset& data, std::span<const int> images,
                           ImageShape shape);

// A float tensor that owns a copy of `values`, in `sizes`.
torch::Tensor copied_tensor(std::span<const float> values, torch::IntArrayRef sizes);

// The memory of a contiguous float tensor on the CPU; valid as long as the tensor.
std::span<float> floats_of(const torch::Tensor& tensor);

// Where a network's parameters are; all on one device.
torch::Device device_of(const torch::nn::Module& module);

// Noise of samples [first, first + count) of a step, [count, z_dim]: row i is drawn at (key, step, first + i).
torch::Tensor noise_tensor(uint64_t key, uint32_t step, uint32_t first, int64_t count, int z_dim);

} // namespace dagan::train
