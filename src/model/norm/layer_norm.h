// Layer normalisation of the critic, docs/reference/model.md, eq. (18). Differentiable twice, as
// the gradient penalty requires.
#pragma once

#include <torch/torch.h>

namespace dagan::model {

class LayerNorm : public torch::nn::Module {
  public:
    static constexpr double kEpsilon = 1e-12;

    explicit LayerNorm(int64_t channels);
    // Normalises leaky_relu(x, slope) of x [B, C, H, W] over C, H, W of each sample; slope 1 means
    // x itself. Returns the shape of x.
    torch::Tensor forward(const torch::Tensor& x, double slope = 1);

  private:
    torch::Tensor weight, bias; // gamma, beta [C]
};

} // namespace dagan::model
