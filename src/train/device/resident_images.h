// Images that stay on the device as bytes, from which batches are taken there: what crosses to it in a step is which images,
// turned how far. The values are those of to_network_range, to the bit.
#pragma once

#include "train/device/compute.h"
#include "train/tensors/tensors.h"

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

namespace dagan::train {

class ResidentImages {
  public:
    // `images` [N, C, size, size] bytes, on the host.
    ResidentImages(const torch::Tensor& images, torch::Device device);

    // Other images of the same number and size, in the same memory: captured work goes on with them.
    void replace(const torch::Tensor& images);

    // Images `indices` (int64 [n], on the device), as floats [n, C, size, size] in [-1, 1]; pixel p of image i is pixel
    // places[i][p] of the stored one. `places` int64 [n, size * size], on the device.
    torch::Tensor pick(const torch::Tensor& indices, const torch::Tensor& places) const;
    // The places of images turned by quarter_turns (int64 [n], 0 .. 3, on the device) * 90 degrees, counter-clockwise.
    torch::Tensor turned(const torch::Tensor& quarter_turns) const;

    // May so many bytes stay there? They leave room for the networks, and for other trainers on the same GPU.
    static bool fit(int64_t bytes, const Gpu& gpu) { return bytes <= gpu.memory().free_bytes / 8; }

  private:
    torch::Tensor images_; // [N, C, size * size] bytes
    torch::Tensor values_; // float [256], of each byte
    torch::Tensor turns_;  // int64 [4, size * size]
    int64_t size_;
};

// All images of a data set as bytes [N, C, size, size], on the host.
torch::Tensor image_bytes(const data::Dataset& data);

} // namespace dagan::train
