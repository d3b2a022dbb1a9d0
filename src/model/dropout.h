// Inverted dropout whose mask is a function of (pass.key, pass.step, sample's index in the whole batch, layer): the same for
// every cut of the batch over ranks, and nothing to save for resuming.
#pragma once

#include "model/pass.h"

#include <torch/torch.h>

namespace dagan::model {

// x [B, C, H, W] times its mask in training; x itself in inference or when probability is 0. `layer` is unique in the network.
torch::Tensor dropout(const torch::Tensor& x, double probability, const Pass& pass, uint32_t layer);

} // namespace dagan::model
