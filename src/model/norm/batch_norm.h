// Plain batch norm of the classifier (dagan.md section 7): eps 1e-3, running statistics with momentum 0.1 (the new batch's
// share).
#pragma once

#include <torch/torch.h>

namespace dagan::model {

class BatchNorm : public torch::nn::Module {
  public:
    static constexpr double kEpsilon = 1e-3, kMomentum = 0.1;

    explicit BatchNorm(int64_t channels);
    // x [B, C, H, W]; normalises leaky_relu(x, slope), x itself where the slope is 1. Training updates the running statistics
    // (variance unbiased there, biased in the output).
    torch::Tensor forward(const torch::Tensor& x, bool training, double slope = 1);

  private:
    torch::Tensor fused(const torch::Tensor& x, bool training, double slope);

    torch::Tensor weight, bias, running_mean, running_var; // [C]; the last two are buffers
};

} // namespace dagan::model
