// Layer normalisation of the critic (dagan.md section 2): mean and biased variance over C, H, W of each sample; gamma and beta
// per channel. at::layer_norm without its per-position affine part, because its second derivative is fused (the penalty needs
// it).
#pragma once

#include <torch/torch.h>

namespace dagan {

class LayerNorm : public torch::nn::Module {
  public:
    static constexpr double kEpsilon = 1e-12;

    explicit LayerNorm(int64_t channels);
    torch::Tensor forward(const torch::Tensor& x); // [B, C, H, W]

  private:
    torch::Tensor weight, bias; // gamma, beta [C]
};

} // namespace dagan
