// The channels of several maps one after the other.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace dagan::model {

// Does the map lie in memory channels last, and not also channels first?
bool in_channels_last(const torch::Tensor& x);

// Maps of one pixel, that is channels of one value all over, as maps of the first one's size; the others as they are.
std::vector<torch::Tensor> spread(std::vector<torch::Tensor> maps);

// Maps [B, C_i, H, W] -> [B, sum of C_i, H, W], channels last in memory if one of the maps is; a single map is given back as it
// is. LibTorch's own would lose the layout in the second derivative, and fill a map of zeros for each of the parts.
torch::Tensor joined(std::vector<torch::Tensor> maps);

} // namespace dagan::model
