// Batch normalisation of the classifier, docs/reference/model.md, eq. (19).
#pragma once

#include <torch/torch.h>

namespace dagan::model {

class BatchNorm : public torch::nn::Module {
  public:
    // kMomentum is the weight of the new batch in the running statistics.
    static constexpr double kEpsilon = 1e-3, kMomentum = 0.1;

    explicit BatchNorm(int64_t channels);
    // Normalises leaky_relu(x, slope) of x [B, C, H, W]; slope 1 means x itself. Returns the shape
    // of x. Training updates the running statistics; their variance is unbiased, the output's is
    // biased.
    torch::Tensor forward(const torch::Tensor& x, bool training, double slope = 1);

  private:
    torch::Tensor fused(const torch::Tensor& x, bool training, double slope);

    torch::Tensor weight, bias, running_mean, running_var; // [C]; the last two are buffers
};

} // namespace dagan::model
