#include "model/norm/layer_norm.h"

#include "model/norm/fused_norm.h"

namespace dagan::model {

LayerNorm::LayerNorm(int64_t channels) {
    weight = register_parameter("weight", torch::ones({channels}));
    bias = register_parameter("bias", torch::zeros({channels}));
}

torch::Tensor LayerNorm::forward(const torch::Tensor& x, double slope) {
    const auto normalise = fusable(x) ? leaky_layer_norm : layer_norm_expression;
    return normalise(x, slope, weight, bias, kEpsilon);
}

} // namespace dagan::model
