// The gradient penalty of WGAN-GP, docs/reference/model.md, eqs. (3) to (5).
//
// The losses L_D (1) and L_G (2) are single lines in train/gan/wgan_gp.cpp.
#pragma once

#include "spec/sweep.h"

#include <torch/torch.h>

#include <functional>

namespace dagan::model {

// The critic D(x, y): conditions and candidates [B, C, H, W] to scores [B]. Samples must not
// influence each other.
using CriticFunction = std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& y)>;

// Returns x^ = real + epsilon * (fake - real), eq. (3), without gradient. Images are [B, C, H, W];
// epsilon [B] is one number per sample.
torch::Tensor interpolate(const torch::Tensor& real, const torch::Tensor& fake,
                          const torch::Tensor& epsilon);

// Returns the penalty, a scalar: eq. (4) for PenaltyNorm::image, eq. (5) for PenaltyNorm::column.
// It is differentiable with respect to D's weights (create_graph). The penalised gradient is the
// one with respect to x^ only; x, real, fake and epsilon receive none.
torch::Tensor gradient_penalty(const CriticFunction& critic, const torch::Tensor& x,
                               const torch::Tensor& real, const torch::Tensor& fake,
                               const torch::Tensor& epsilon, PenaltyNorm norm);

} // namespace dagan::model
