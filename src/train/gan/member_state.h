// The state in which the members of a gang differ: the generator's renormalisation state, which
// each member updates from its own slice, docs/reference/model.md, eq. (27).
//
// It is averaged at fixed iterations, and gathered for the checkpoint that position 0 writes, so
// that every member resumes with its own.
#pragma once

#include "gang/group.h"

#include <torch/torch.h>

#include <span>
#include <vector>

namespace dagan::train {

class MemberState {
  public:
    // Covers all buffers of `module`, which must be float. Both arguments must outlive this.
    MemberState(torch::nn::Module& module, gang::Group& group);

    // Returns a copy of the buffers, [count()], on the host; unpack() restores it.
    torch::Tensor pack() const;
    void unpack(const torch::Tensor& packed);

    // Replaces the buffers by their means over the gang. Collective.
    void average();

    // Returns pack() of every member, [size, count], with the same bits on all. Collective.
    torch::Tensor gather();

    int64_t count() const { return count_; }

  private:
    std::vector<torch::Tensor> buffers_;
    gang::Group& group_;
    int64_t count_ = 0;
    std::span<float> average_memory_, gather_memory_;
};

} // namespace dagan::train
