// All parameters of a network in one buffer and their gradients in another, so that the optimiser is one call and a gang's
// reduction one message. The module's parameters become views (each starts on a 64-byte boundary; the gaps stay 0), and
// backward() accumulates into the gradient buffer. The gradient buffer is the group's memory and ends with `extra` floats that
// travel with it. The module may outlive this object, but not the group.
#pragma once

#include "gang/group.h"

#include <torch/torch.h>

#include <span>

namespace dagan::train {

class FlatParameters {
  public:
    // Moves the parameters of `module` (float), keeping their values and device, whose memory must be the group's; gradients and
    // extra start at 0. Weights of convolutions are laid out as `maps` says.
    FlatParameters(torch::nn::Module& module, gang::Group& group, int64_t extra,
                   torch::MemoryFormat maps = torch::MemoryFormat::Contiguous);

    const torch::Tensor& values() const {
        return values_;
    } // [N], gaps included; writing it changes the network
    const torch::Tensor& gradients() const { return gradients_; } // [N]
    const torch::Tensor& extra() const { return extra_; }         // [extra]

    // Gradients and extra: the argument of Group::all_reduce_mean.
    std::span<float> reduced() const { return memory_; }
    void zero_gradients();

  private:
    std::span<float> memory_;
    torch::Tensor values_, gradients_, extra_;
};

} // namespace dagan::train
