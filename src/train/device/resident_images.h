// Images that stay on the device as bytes. Batches are gathered there, so that a step copies only
// the indices and rotations of its images. The values equal those of data::to_network_range to the
// bit, docs/reference/model.md, eq. (24).
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
    // `images`: bytes [N, C, size, size] on the host.
    ResidentImages(const torch::Tensor& images, torch::Device device);

    // Replaces the images by as many of the same size, in the same memory, which captured work
    // reads.
    void replace(const torch::Tensor& images);

    // Returns the images `indices` (int64 [n]) as floats [n, C, size, size] in [-1, 1]. Pixel p of
    // image i is pixel sources[i][p] of the stored image; `sources` is int64 [n, size * size]. Both
    // are on the device.
    torch::Tensor gather_images(const torch::Tensor& indices, const torch::Tensor& sources) const;
    // Returns the `sources` of images rotated counter-clockwise by quarter_turns * 90 degrees
    // (int64 [n], 0..3, on the device).
    torch::Tensor rotation_sources(const torch::Tensor& quarter_turns) const;

    // Whether this many bytes may stay on the GPU: at most 1/8 of its free memory, which leaves
    // room for the networks and for other trainers.
    static bool fits(int64_t bytes, const Gpu& gpu) { return bytes <= gpu.memory().free_bytes / 8; }

  private:
    torch::Tensor images_;    // bytes [N, C, size * size]
    torch::Tensor values_;    // float [256], of each byte
    torch::Tensor rotations_; // int64 [4, size * size]
    int64_t size_;
};

// Returns all images of a data set as bytes [N, C, size, size] on the host.
torch::Tensor image_bytes(const data::Dataset& data);

} // namespace dagan::train
