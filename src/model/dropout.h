// Inverted dropout, docs/reference/model.md, eq. (10).
//
// The mask is a function of (pass.key, pass.step, index of the sample in the whole batch, layer).
// It is therefore the same for every division of the batch over ranks, and a checkpoint needs no
// generator state.
#pragma once

#include "model/pass.h"

#include <torch/torch.h>

namespace dagan::model {

// Returns x [B, C, H, W] times its mask in training; x itself in inference or if `probability` is
// 0. `layer` is unique in the network.
torch::Tensor dropout(const torch::Tensor& x, double probability, const Pass& pass, uint32_t layer);

} // namespace dagan::model
