// All parameters of a network in one buffer and their gradients in another, so that the optimiser
// is one call and a gang's reduction one message.
//
// The module's parameters become views of the buffer; each starts on a 64-byte boundary, and the
// gaps stay 0. backward() accumulates into the gradient buffer, which is the group's memory and
// ends with `extra` floats that are reduced with it. The module may outlive this object, but not
// the group.
#pragma once

#include "gang/group.h"

#include <torch/torch.h>

#include <span>

namespace dagan::train {

class FlatParameters {
  public:
    // Moves the float parameters of `module` into the buffer; their values and device stay, and the
    // group's memory must be on that device. Gradients and extra start at 0. Weights of
    // convolutions have the layout `maps`.
    FlatParameters(torch::nn::Module& module, gang::Group& group, int64_t extra,
                   torch::MemoryFormat maps = torch::MemoryFormat::Contiguous);

    // [N], gaps included. Writing to it changes the network.
    const torch::Tensor& values() const { return values_; }
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
