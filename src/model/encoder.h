// The encoder that is the generator's first half and the critic's trunk (dagan.md section 3).
#pragma once

#include "model/layer.h"
#include "spec/sweep.h"

#include <torch/torch.h>

#include <vector>

namespace dagan::model {

// Walks over the encoder's rows; returns E[0..3].
std::vector<torch::Tensor> encode(Walk& next, const torch::Tensor& x, Topology topology, int inner);

} // namespace dagan::model
