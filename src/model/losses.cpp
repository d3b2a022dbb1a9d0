#include "model/losses.h"

namespace dagan::model {

namespace {

// Inside the square root: keeps the second derivative finite at 0.
constexpr double kNormEpsilon = 1e-12;

torch::Tensor gradient_norms(const torch::Tensor& gradient, PenaltyNorm norm) {
    const torch::Tensor squares = gradient.square();
    // image: [B]; column: [B, C, W], summed over the rows H
    const torch::Tensor sums = norm == PenaltyNorm::image ? squares.sum({1, 2, 3}) : squares.sum(2);
    return (sums + kNormEpsilon).sqrt();
}

} // namespace

torch::Tensor gradient_penalty(const CriticFunction& critic, const torch::Tensor& x,
                               const torch::Tensor& real, const torch::Tensor& fake,
                               const torch::Tensor& epsilon, PenaltyNorm norm) {
    const torch::Tensor mixed = interpolate(real, fake, epsilon).requires_grad_();
    // Samples are independent, so the gradient of the sum holds the gradient of each score.
    const torch::Tensor score = critic(x.detach(), mixed).sum();
    const torch::Tensor gradient =
        torch::autograd::grad({score}, {mixed}, {}, /*retain_graph=*/true, /*create_graph=*/true)
            .front();
    return (gradient_norms(gradient, norm) - 1).square().mean();
}

torch::Tensor interpolate(const torch::Tensor& real, const torch::Tensor& fake,
                          const torch::Tensor& epsilon) {
    const torch::NoGradGuard no_grad;
    return torch::lerp(real, fake, epsilon.view({-1, 1, 1, 1}));
}

} // namespace dagan::model
