#include "model/batch_norm.h"

namespace dagan {

BatchNorm::BatchNorm(int64_t channels) {
    weight = register_parameter("weight", torch::ones({channels}));
    bias = register_parameter("bias", torch::zeros({channels}));
    running_mean = register_buffer("running_mean", torch::zeros({channels}));
    running_var = register_buffer("running_var", torch::ones({channels}));
}

torch::Tensor BatchNorm::forward(const torch::Tensor& x, bool training) {
    return at::batch_norm(x, weight, bias, running_mean, running_var, training, kMomentum, kEpsilon, /*cudnn=*/true);
}

} // namespace dagan
