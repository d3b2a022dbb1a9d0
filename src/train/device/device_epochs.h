// The batches of a classifier's training on a device, docs/reference/model.md, eq. (33).
//
// The choice of images and their augmentation are drawn on the host, as for a training there. The
// images stay on the device, where they are rotated, shifted and given noise. All tensors keep
// their memory, so that a captured step finds the batch of its step.
#pragma once

#include "data/epochs.h"
#include "train/device/compute.h"
#include "train/device/resident_images.h"

#include <optional>
#include <vector>

namespace dagan::train {

class DeviceEpochs {
  public:
    // Steps that may be staged before the device reaches the first of them. Then the caller must
    // synchronize.
    static constexpr int kStepsAhead = 32;

    DeviceEpochs(ImageShape shape, int batch_size, const data::Augmentation& augmentation,
                 uint64_t stream, const Compute& compute);

    // Copies the images of the training cases and of `pool` (may be null) to the device. A later
    // call replaces them by the same number of images in the same memory.
    void load(const data::Dataset& data, const std::vector<data::Case>& training,
              const data::Pool* pool);

    // Draws a batch of `loader` and queues its copy to the device. `step` counts the steps of the
    // whole run. Returns the size of the batch.
    int64_t stage(const data::EpochLoader& loader, uint32_t epoch, int batch, uint32_t step);
    // Queues making the staged batch of `size` images; the first part of a captured step. Returns
    // [size, C, H, W].
    torch::Tensor assemble(int64_t size) const;

    torch::Tensor real(int64_t size) const;             // float [size]: 1 real, 0 generated
    torch::Tensor labels(int64_t size) const;           // int64 [size]
    const torch::Tensor& step() const { return step_; } // int64, no dimensions

  private:
    enum Row { kStepAndEpoch, kImage, kTurns, kDx, kDy, kItem, kLabel, kRows };
    enum FloatRow { kReal, kSigma, kFloatRows };
    struct Slot {
        torch::Tensor integers, floats;
    };
    torch::Tensor integer_row(Row row, int64_t size) const {
        return integers_[row].narrow(0, 0, size);
    }

    ImageShape shape_;
    data::Augmentation augmentation_;
    uint64_t stream_;
    torch::Device device_;
    torch::MemoryFormat maps_;
    // In this order: the training cases, then the pool's images of each.
    std::optional<ResidentImages> images_;
    int training_ = 0, per_image_ = 0;
    std::vector<Slot> slots_;         // on the host, page-locked for a GPU
    torch::Tensor integers_, floats_; // [kRows, columns], [kFloatRows, columns]
    torch::Tensor step_, epoch_, pixels_;
};

} // namespace dagan::train
