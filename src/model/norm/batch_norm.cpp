#include "model/norm/batch_norm.h"

#include "model/norm/fused_norm.h"

namespace dagan::model {

BatchNorm::BatchNorm(int64_t channels) {
    weight = register_parameter("weight", torch::ones({channels}));
    bias = register_parameter("bias", torch::zeros({channels}));
    running_mean = register_buffer("running_mean", torch::zeros({channels}));
    running_var = register_buffer("running_var", torch::ones({channels}));
}

torch::Tensor BatchNorm::forward(const torch::Tensor& x, bool training, double slope) {
    const bool gradient_of_inference = !training && at::GradMode::is_enabled();
    if (fusable(x) && !gradient_of_inference) return fused(x, training, slope);
    return at::batch_norm(slope == 1 ? x : at::leaky_relu(x, slope), weight, bias, running_mean,
                          running_var, training, kMomentum, kEpsilon, /*cudnn=*/true);
}

torch::Tensor BatchNorm::fused(const torch::Tensor& x, bool training, double slope) {
    if (!training)
        return leaky_channel_inference(x, slope, {running_mean, running_var}, weight, bias,
                                       kEpsilon);
    const ChannelMoments moments = leaky_channel_moments(x, slope);
    {
        const torch::NoGradGuard no_grad;
        const auto count = static_cast<double>(x.numel() / x.size(1));
        running_mean.mul_(1 - kMomentum).add_(moments.mean, kMomentum);
        running_var.mul_(1 - kMomentum).add_(moments.variance, kMomentum * count / (count - 1));
    }
    return leaky_channel_norm(x, slope, moments, weight, bias, kEpsilon);
}

} // namespace dagan::model
