// The batches of a DAGAN's training on a device: what is drawn at random is drawn on the host, as for a training there, and goes
// over in two small pieces a step; images come from those that stay on the device, when they fit. All tensors keep their memory,
// so that a captured step finds each step's batch.
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
    // The slice [first, first + count) of each batch. `data` and `pairs` must outlive this. Up to `slots` steps may be staged
    // before the device has come to the first of them.
    DeviceBatches(const data::Dataset& data, const data::PairSampler& pairs, ImageShape shape,
                  Keys keys, int z_dim, uint32_t first, uint32_t count, size_t slots,
                  const Compute& compute);

    // Draws step s and queues its way to the device, with this member's votes.
    void stage(uint32_t s, const Votes& votes);
    // Queues making the images of the staged batch; the first part of a captured step.
    void assemble();
    const GanBatch& batch() const { return batch_; }

    const torch::Tensor& step() const {
        return step_;
    } // int64, no dimension: the staged step's number
    const torch::Tensor& votes() const { return votes_; } // float [2]: stop, save

  private:
    struct Slot {
        torch::Tensor floats, wholes; // as the device's
        torch::Tensor x, real;        // where images do not stay on the device
    };
    void draw_pairs(uint32_t s, Slot& slot);

    const data::PairSampler& pairs_;
    ImageShape shape_;
    Keys keys_;
    uint32_t first_, count_;
    std::unique_ptr<ResidentImages> images_;
    std::vector<Slot> slots_; // on the host, page-locked for a GPU
    torch::Tensor floats_;    // z, epsilon, votes
    torch::Tensor wholes_;    // step, conditions, targets, quarter turns
    GanBatch batch_;
    torch::Tensor step_, votes_, conditions_, targets_, turns_; // parts of floats_ and wholes_
};

} // namespace dagan::train
