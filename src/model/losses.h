// WGAN-GP losses (dagan.md section 1). L_D = mean D(fake) - mean D(real) + lambda * penalty and L_G = -mean D(fake) are one line
// each where they are used; what takes care is the penalty.
#pragma once

#include "spec/sweep.h"

#include <torch/torch.h>

#include <functional>

namespace dagan::model {

// D, called as critic(x, y), returns [B]; its samples do not influence each other.
using CriticFunction = std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& y)>;

// x^ = real + epsilon * (fake - real), without gradient; epsilon [B], one number per sample.
torch::Tensor interpolate(const torch::Tensor& real, const torch::Tensor& fake,
                          const torch::Tensor& epsilon);

// mean over the batch of (norm of the gradient of D(x, x^) by x^, minus 1)^2, differentiable by D's weights (create_graph).
// `image` takes one norm per sample, `column` one per image column, and both have 1e-12 under the root. Only the gradient by x^
// counts; x, real, fake and epsilon get none.
torch::Tensor gradient_penalty(const CriticFunction& critic, const torch::Tensor& x,
                               const torch::Tensor& real, const torch::Tensor& fake,
                               const torch::Tensor& epsilon, PenaltyNorm norm);

} // namespace dagan::model
