// Layer normalisation of the critic (dagan.md section 2): mean and biased variance over C, H, W of each sample; gamma and beta
// per channel. Differentiable twice (the penalty needs it).
#pragma once

#include <torch/torch.h>

namespace dagan::model {

class LayerNorm : public torch::nn::Module {
  public:
    static constexpr double kEpsilon = 1e-12;

    explicit LayerNorm(int64_t channels);
    // x [B, C, H, W]; normalises leaky_relu(x, slope), x itself where the slope is 1.
    torch::Tensor forward(const torch::Tensor& x, double slope = 1);

  private:
    torch::Tensor weight, bias; // gamma, beta [C]
};

} // namespace dagan::model
