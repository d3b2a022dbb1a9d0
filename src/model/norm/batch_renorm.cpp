#include "model/norm/batch_renorm.h"

#include "base/error.h"
#include "model/norm/fused_norm.h"

#include <tuple>

namespace dagan::model {

namespace {
torch::Tensor leaky(const torch::Tensor& x, double slope) {
    return slope == 1 ? x : at::leaky_relu(x, slope);
}
} // namespace

BatchRenorm::BatchRenorm(int64_t channels, const RenormClip& clip) : clip_(clip) {
    weight = register_parameter("weight", torch::ones({channels}));
    bias = register_parameter("bias", torch::zeros({channels}));
    state_.a_mu = register_buffer("a_mu", torch::zeros({channels}));
    state_.a_sg = register_buffer("a_sg", torch::zeros({channels}));
    state_.w = register_buffer("w", torch::zeros({}));
    state_.m = register_buffer("M", torch::zeros({channels}));
    state_.v = register_buffer("V", torch::ones({channels}));
}

torch::Tensor BatchRenorm::forward(const torch::Tensor& x, bool training, int groups,
                                   double slope) {
    if (!training) return infer(x, slope);
    require(groups >= 1 && x.size(0) % groups == 0, "norm_groups divides the batch");
    std::vector<torch::Tensor> outputs;
    std::vector<State> states;
    for (const torch::Tensor& slice : x.chunk(groups))
        outputs.push_back(train(slice, slope, states));
    set_state(states);
    return groups == 1 ? outputs.front() : torch::cat(outputs);
}

torch::Tensor BatchRenorm::infer(const torch::Tensor& x, double slope) const {
    if (fusable(x) && !at::GradMode::is_enabled()) {
        return leaky_channel_inference(x, slope, {state_.m, state_.v}, weight, bias, kEpsilon);
    }
    return at::batch_norm(leaky(x, slope), weight, bias, state_.m, state_.v, /*training=*/false,
                          /*momentum=*/0, kEpsilon,
                          /*cudnn=*/false);
}

// Normalises one slice of the batch, eq. (14), and appends the state after it to `states`.
torch::Tensor BatchRenorm::train(const torch::Tensor& x, double slope,
                                 std::vector<State>& states) const {
    if (fusable(x)) {
        const ChannelMoments moments = leaky_channel_moments(x, slope);
        const Statistics batch{moments.mean, (moments.variance + kEpsilon).sqrt_()};
        states.push_back(updated_state(batch));
        const Affine affine = correction(batch);
        return leaky_channel_norm(x, slope, moments, affine.weight, affine.bias, kEpsilon);
    }
    const torch::Tensor a = leaky(x, slope);
    Statistics batch;
    {
        const torch::NoGradGuard no_grad;
        torch::Tensor variance;
        // Returns the biased variance; updates no running statistics.
        std::tie(batch.mu, variance) = at::batch_norm_update_stats(a, {}, {}, 0);
        batch.sigma = variance.add_(kEpsilon).sqrt_();
    }
    states.push_back(updated_state(batch));
    const Affine affine = correction(batch);
    // Computes mu and sigma again, which costs one pass over x, but has a fused gradient through
    // both.
    return std::get<0>(at::native_batch_norm(a, affine.weight, affine.bias, {}, {},
                                             /*training=*/true, /*momentum=*/0, kEpsilon));
}

// Eqs. (13) and (14): gamma * ((x - mu) / sigma * r + d) + beta is a batch normalisation with
// weight gamma * r and bias gamma * d + beta.
BatchRenorm::Affine BatchRenorm::correction(const Statistics& batch) const {
    torch::Tensor r, d;
    {
        const torch::NoGradGuard no_grad;
        const torch::Tensor one_minus_w = 1 - state_.w;
        const torch::Tensor mixed_mu = torch::addcmul(state_.a_mu, one_minus_w, batch.mu);
        const torch::Tensor mixed_sigma = torch::addcmul(state_.a_sg, one_minus_w, batch.sigma);
        r = (batch.sigma / mixed_sigma).clamp_(clip_.r_min, clip_.r_max);
        d = (batch.mu - mixed_mu).div_(mixed_sigma).clamp_(-clip_.d_max, clip_.d_max);
    }
    return {weight * r, torch::addcmul(bias, weight, d)};
}

// Eqs. (15) and (16).
BatchRenorm::State BatchRenorm::updated_state(const Statistics& batch) const {
    const torch::NoGradGuard no_grad;
    constexpr double p = kStateDecay, q = kInferenceDecay;
    State next;
    next.a_mu = (p * state_.a_mu).add_(batch.mu, 1 - p);
    next.a_sg = (p * state_.a_sg).add_(batch.sigma, 1 - p);
    next.w = p * state_.w + (1 - p);
    next.m = (q * state_.m).add_(next.a_mu / next.w, 1 - q);
    next.v = (q * state_.v).add_((next.a_sg / next.w).square_().sub_(kEpsilon), 1 - q);
    return next;
}

void BatchRenorm::set_state(const std::vector<State>& slices) {
    const torch::NoGradGuard no_grad;
    const auto set = [&](torch::Tensor State::*value) {
        torch::Tensor sum = slices.front().*value;
        for (size_t i = 1; i < slices.size(); ++i) sum = sum + slices[i].*value;
        (state_.*value).copy_(slices.size() == 1 ? sum : sum / static_cast<double>(slices.size()));
    };
    for (const auto value : {&State::a_mu, &State::a_sg, &State::w, &State::m, &State::v})
        set(value);
}

} // namespace dagan::model
