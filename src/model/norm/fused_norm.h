// Leaky ReLU and the normalisation that follows it as one operation each, for float maps on the CPU that lie in memory channels
// last, as our convolutions leave them. Layer norm is differentiable twice by loops of ours (the gradient penalty needs it);
// where another derivative is asked for, LibTorch's own expression is differentiated.
#pragma once

#include <torch/torch.h>

namespace dagan::model {

// Can the operations below take this map [B, C, H, W]?
bool fusable(const torch::Tensor& x);

// Layer norm over each sample of leaky_relu(x, slope), times gamma plus beta [C].
torch::Tensor leaky_layer_norm(const torch::Tensor& x, double slope, const torch::Tensor& gamma,
                               const torch::Tensor& beta, double epsilon);
// The same, by LibTorch, for any map.
torch::Tensor layer_norm_expression(const torch::Tensor& x, double slope,
                                    const torch::Tensor& gamma, const torch::Tensor& beta,
                                    double epsilon);

// Mean and biased variance of leaky_relu(x, slope) in each channel, float [C], without gradient.
struct ChannelMoments {
    torch::Tensor mean, variance;
};
ChannelMoments leaky_channel_moments(const torch::Tensor& x, double slope);

// leaky_relu(x, slope) normalised by its own `moments`, times weight plus bias [C].
torch::Tensor leaky_channel_norm(const torch::Tensor& x, double slope,
                                 const ChannelMoments& moments, const torch::Tensor& weight,
                                 const torch::Tensor& bias, double epsilon);

// The same by given moments of many batches, as in inference; without gradient.
torch::Tensor leaky_channel_inference(const torch::Tensor& x, double slope,
                                      const ChannelMoments& moments, const torch::Tensor& weight,
                                      const torch::Tensor& bias, double epsilon);

} // namespace dagan::model
