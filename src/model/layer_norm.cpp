#include "model/layer_norm.h"

#include "model/same_conv.h"

namespace dagan {

LayerNorm::LayerNorm(int64_t channels) {
    weight = register_parameter("weight", torch::ones({channels}));
    bias = register_parameter("bias", torch::zeros({channels}));
}

torch::Tensor LayerNorm::forward(const torch::Tensor& x) {
    // The order of a sample's values is all the same to it: take them as they lie.
    const bool channels_last = in_channels_last(x);
    const torch::Tensor laid = channels_last ? x.permute({0, 2, 3, 1}) : x;
    torch::Tensor normalised = at::layer_norm(laid, {laid.size(1), laid.size(2), laid.size(3)}, {}, {}, kEpsilon);
    if (channels_last) normalised = normalised.permute({0, 3, 1, 2});
    return torch::addcmul(bias.view({-1, 1, 1}), normalised, weight.view({-1, 1, 1}));
}

} // namespace dagan
