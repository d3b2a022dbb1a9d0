// The batches of a DAGAN's training on a device, docs/reference/model.md, eq. (25).
//
// Random numbers are drawn on the host, as for a training there, and copied to the device in two
// small tensors per step. Images come from those that stay on the device if they fit, else from the
// host. All tensors keep their memory, so that a captured step finds the batch of its step.
//
//     batches.stage(s, votes);   // host: draws and queues the copies
//     batches.assemble();        // device: makes the images, part of the captured step
//     use(batches.batch());
#pragma once

#include "data/pairs.h"
#include "train/device/compute.h"
#include "train/device/gan_batch.h"
#include "train/device/resident_images.h"

#include <memory>
#include <vector>

namespace dagan::train {

class DeviceBatches {
  public:
    struct Keys {
        uint64_t z = 0, epsilon = 0;
    };
    // Makes the slice [first, first + count) of each batch. Up to `slots` steps may be staged
    // before the device reaches the first of them. `data` and `pairs` must outlive this.
    DeviceBatches(const data::Dataset& data, const data::PairSampler& pairs, ImageShape shape,
                  Keys keys, int z_dim, uint32_t first, uint32_t count, size_t slots,
                  const Compute& compute);

    // Draws step s and queues its copy to the device, together with this member's votes.
    void stage(uint32_t s, const Votes& votes);
    // Queues making the images of the staged batch; the first part of a captured step.
    void assemble();
    const GanBatch& batch() const { return batch_; }

    // int64, no dimensions: the number of the staged step.
    const torch::Tensor& step() const { return step_; }
    // float [2]: stop, save
    const torch::Tensor& votes() const { return votes_; }

  private:
    struct Slot {
        torch::Tensor floats, integers; // same shapes as on the device
        torch::Tensor x, real;          // if images do not stay on the device
    };
    void draw_pairs(uint32_t s, Slot& slot);

    const data::PairSampler& pairs_;
    ImageShape shape_;
    Keys keys_;
    uint32_t first_, count_;
    std::unique_ptr<ResidentImages> images_;
    std::vector<Slot> slots_; // on the host, page-locked for a GPU
    torch::Tensor floats_;    // z, epsilon, votes
    torch::Tensor integers_;  // step, conditions, targets, quarter turns
    GanBatch batch_;
    torch::Tensor step_, votes_, conditions_, targets_, turns_; // views of floats_ and integers_
};

} // namespace dagan::train
