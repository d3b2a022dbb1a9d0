#include "train/tensors/adam.h"

#include "base/error.h"

namespace dagan::train {

Adam::Adam(int64_t count, const AdamOptions& options, torch::Device device)
    : options_(options), first_(torch::zeros({count}, torch::dtype(torch::kFloat).device(device))),
      second_(torch::zeros_like(first_)), count_(torch::zeros({}, first_.options())) {}

void Adam::step(const torch::Tensor& values, const torch::Tensor& gradients) {
    const torch::NoGradGuard no_grad;
    // The kernel takes the step count as a float.
    constexpr int64_t kExactInFloat = int64_t{1} << 24;
    require(steps_ < kExactInFloat, "the number of optimiser steps is exact in a float");
    ++steps_;
    count_.add_(1);
    at::_fused_adam_({values}, {gradients}, {first_}, {second_}, {}, {count_},
                     options_.learning_rate, options_.beta1, options_.beta2,
                     /*weight_decay=*/0, kEps, /*amsgrad=*/false, /*maximize=*/false);
}

void Adam::restore(const torch::Tensor& first, const torch::Tensor& second, int64_t steps) {
    const torch::NoGradGuard no_grad;
    first_.copy_(first);
    second_.copy_(second);
    steps_ = steps;
    count_.fill_(static_cast<double>(steps));
}

} // namespace dagan::train
