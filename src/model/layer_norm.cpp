#include "model/layer_norm.h"

namespace dagan {

LayerNorm::LayerNorm(int64_t channels) {
    weight = register_parameter("weight", torch::ones({channels}));
    bias = register_parameter("bias", torch::zeros({channels}));
}

torch::Tensor LayerNorm::forward(const torch::Tensor& x) {
    const torch::Tensor normalised = at::layer_norm(x, {x.size(1), x.size(2), x.size(3)}, {}, {}, kEpsilon);
    return torch::addcmul(bias.view({-1, 1, 1}), normalised, weight.view({-1, 1, 1}));
}

} // namespace dagan
