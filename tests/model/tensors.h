// Test inputs that depend only on their seed, and comparisons that report where tensors differ.
#pragma once

#include "base/random.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdint>

namespace dagan::model {

// Returns normal numbers, double.
inline torch::Tensor random_tensor(torch::IntArrayRef shape, uint64_t seed) {
    const torch::Tensor tensor = torch::empty(shape, torch::kDouble);
    Random random(seed);
    double* values = tensor.data_ptr<double>();
    for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = random.normal();
    return tensor;
}

// Returns numbers uniform in [-1, 1), double.
inline torch::Tensor random_images(torch::IntArrayRef shape, uint64_t seed) {
    const torch::Tensor tensor = torch::empty(shape, torch::kDouble);
    Random random(seed);
    double* values = tensor.data_ptr<double>();
    for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = random.uniform(-1, 1);
    return tensor;
}

// Adds noise to every parameter, so that no bias is 0 and no gamma is 1, and a swap of two
// parameters changes the result.
inline void perturb(torch::nn::Module& module, double scale, uint64_t seed) {
    const torch::NoGradGuard no_grad;
    for (torch::Tensor& parameter : module.parameters()) {
        parameter.add_(random_tensor(parameter.sizes(), seed++).to(parameter.dtype()), scale);
    }
}

inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
    if (a.sizes() != b.sizes()) ADD_FAILURE() << "shapes " << a.sizes() << " and " << b.sizes();
    return (a.detach().to(torch::kDouble) - b.detach().to(torch::kDouble))
        .abs()
        .max()
        .item<double>();
}

} // namespace dagan::model
