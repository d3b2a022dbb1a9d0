// Concatenation of maps over their channels.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace dagan::model {

// Whether x lies in memory channels last and not also channels first.
bool is_channels_last(const torch::Tensor& x);

// Expands maps of another size than the first, which must be [B, C, 1, 1], to the size of the
// first. Returns the others unchanged.
std::vector<torch::Tensor> expand_maps(std::vector<torch::Tensor> maps);

// Concatenates maps [B, C_i, H, W] to [B, sum of C_i, H, W]. The result is channels last in memory
// if one of the maps is. A single map is returned unchanged. Unlike LibTorch's cat, the second
// derivative keeps the layout and allocates no map of zeros per input.
torch::Tensor join_channels(std::vector<torch::Tensor> maps);

} // namespace dagan::model
