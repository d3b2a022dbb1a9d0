// Conversions between plain memory and LibTorch's tensors: images of a data set, noise vectors.
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

// Returns the shape of the data's images. Throws Blame::input if they are not square.
ImageShape shape_of(const data::Dataset& data);

// Returns images by index, float [N, C, H, W] in [-1, 1].
torch::Tensor image_tensor(const data::Dataset& data, std::span<const int> images,
                           ImageShape shape);

// Returns a float tensor of shape `sizes` that owns a copy of `values`.
torch::Tensor copied_tensor(std::span<const float> values, torch::IntArrayRef sizes);

// Returns the memory of a contiguous float tensor on the CPU; valid as long as the tensor.
std::span<float> floats_of(const torch::Tensor& tensor);

// Returns the device of the module's parameters, which must all be on one.
torch::Device device_of(const torch::nn::Module& module);

// Returns the noise of samples [first, first + count) of a step, [count, z_dim]. Row i is drawn at
// (key, step, first + i).
torch::Tensor noise_tensor(uint64_t key, uint32_t step, uint32_t first, int64_t count, int z_dim);

} // namespace dagan::train
