// The part of a gang's state that differs between its members: the generator's renorm state, which each member updates from its
// own slice. It is averaged at fixed iterations, and gathered to position 0's checkpoint so that every member resumes with its
// own.
#pragma once

#include "gang/group.h"

#include <torch/torch.h>

#include <span>
#include <vector>

namespace dagan::train {

class MemberState {
  public:
    // All float buffers of `module`; both must outlive this.
    MemberState(torch::nn::Module& module, gang::Group& group);

    // A copy of the buffers, [count()], on the host; and back.
    torch::Tensor pack() const;
    void unpack(const torch::Tensor& packed);

    // Replaces the buffers by their means over the gang. Collective.
    void average();

    // Every member's pack(), [size, count], the same bits on all. Collective.
    torch::Tensor gather();

    int64_t count() const { return count_; }

  private:
    std::vector<torch::Tensor> buffers_;
    gang::Group& group_;
    int64_t count_ = 0;
    std::span<float> average_memory_, gather_memory_;
};

} // namespace dagan::train
