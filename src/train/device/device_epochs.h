// The batches of a classifier's training on a device: which images, and what happens to each, is drawn on the host as for a
// training there; the images stay on the device and are turned, shifted and given their noise there. All tensors keep their
// memory, so that a captured step finds each step's batch.
#pragma once

#include "data/epochs.h"
#include "train/device/compute.h"
#include "train/device/resident_images.h"

#include <optional>
#include <vector>

namespace dagan::train {

class DeviceEpochs {
  public:
    // Steps that may be staged before the device has come to the first of them: then the caller settles.
    static constexpr int kStepsAhead = 32;

    DeviceEpochs(ImageShape shape, int batch_size, const data::Augmentation& augmentation,
                 uint64_t stream, const Compute& compute);

    // The images of the training cases and of the pool, which may be null: kept on the device until the next call, whose images
    // are as many and take their place.
    void load(const data::Dataset& data, const std::vector<data::Case>& training,
              const data::Pool* pool);

    // Draws a batch of `loader` and queues its way to the device; `step` counts those of the whole run. Returns its size.
    int64_t stage(const data::EpochLoader& loader, uint32_t epoch, int batch, uint32_t step);
    // Queues making the staged batch of `size` images, [size, C, H, W]; the first part of a captured step.
    torch::Tensor assemble(int64_t size) const;

    torch::Tensor real(int64_t size) const;             // float [size]: 1 real, 0 generated
    torch::Tensor labels(int64_t size) const;           // int64 [size]
    const torch::Tensor& step() const { return step_; } // int64, no dimension

  private:
    enum Row { kStepAndEpoch, kImage, kTurns, kDx, kDy, kItem, kLabel, kRows };
    enum FloatRow { kReal, kSigma, kFloatRows };
    struct Slot {
        torch::Tensor wholes, floats;
    };
    torch::Tensor whole(Row row, int64_t size) const { return wholes_[row].narrow(0, 0, size); }

    ImageShape shape_;
    data::Augmentation augmentation_;
    uint64_t stream_;
    torch::Device device_;
    torch::MemoryFormat maps_;
    std::optional<ResidentImages> images_;
    int training_ = 0,
        per_image_ = 0;       // the images' order: the training cases, then the pool's of each
    std::vector<Slot> slots_; // on the host, page-locked for a GPU
    torch::Tensor wholes_, floats_; // [kRows, columns], [kFloatRows, columns]
    torch::Tensor step_, epoch_, pixels_;
};

} // namespace dagan::train
