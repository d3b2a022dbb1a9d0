// Adam (Kingma and Ba), docs/reference/model.md, eq. (28), on one flat buffer, by LibTorch's fused
// kernel. No weight decay, schedule or clipping. Its whole state is both moments and steps().
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace dagan::train {

struct AdamOptions {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
};

class Adam {
  public:
    static constexpr double kEps = 1e-8;

    // For `count` parameters on `device`.
    Adam(int64_t count, const AdamOptions& options, torch::Device device = torch::kCPU);

    // Takes one step on `values` [count] in place; `gradients` [count] is only read.
    void step(const torch::Tensor& values, const torch::Tensor& gradients);

    const torch::Tensor& first_moment() const { return first_; }   // [count]
    const torch::Tensor& second_moment() const { return second_; } // [count]
    int64_t steps() const { return steps_; }
    // Continues from the state of another run, to the bit.
    void restore(const torch::Tensor& first, const torch::Tensor& second, int64_t steps);

  private:
    AdamOptions options_;
    torch::Tensor first_, second_;
    torch::Tensor count_; // steps_ in the form that the kernel requires: a float on the device
    int64_t steps_ = 0;
};

} // namespace dagan::train
