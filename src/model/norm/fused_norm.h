// Leaky ReLU and the normalisation after it as one operation: docs/reference/model.md, eqs. (9),
// (14), (17), (18) and (19).
//
// For float32 maps [B, C, H, W] on the CPU that are channels last in memory, as the convolutions
// return them. Layer normalisation has loops for its first and second derivative, which the
// gradient penalty needs. For any other derivative LibTorch differentiates its own expression.
#pragma once

#include <torch/torch.h>

namespace dagan::model {

// Whether the operations below support this map.
bool fusable(const torch::Tensor& x);

// Returns the layer normalisation, over each sample, of leaky_relu(x, slope), times gamma [C] plus
// beta [C].
torch::Tensor leaky_layer_norm(const torch::Tensor& x, double slope, const torch::Tensor& gamma,
                               const torch::Tensor& beta, double epsilon);
// The same for any map, by LibTorch.
torch::Tensor layer_norm_expression(const torch::Tensor& x, double slope,
                                    const torch::Tensor& gamma, const torch::Tensor& beta,
                                    double epsilon);

// Mean and biased variance of leaky_relu(x, slope) per channel, float [C], without gradient.
struct ChannelMoments {
    torch::Tensor mean, variance;
};
ChannelMoments leaky_channel_moments(const torch::Tensor& x, double slope);

// Returns leaky_relu(x, slope) normalised by `moments`, which must be its own, times weight [C]
// plus bias [C]. The gradient flows through the moments.
torch::Tensor leaky_channel_norm(const torch::Tensor& x, double slope,
                                 const ChannelMoments& moments, const torch::Tensor& weight,
                                 const torch::Tensor& bias, double epsilon);

// Returns leaky_relu(x, slope) normalised by given moments, as in inference; without gradient.
torch::Tensor leaky_channel_inference(const torch::Tensor& x, double slope,
                                      const ChannelMoments& moments, const torch::Tensor& weight,
                                      const torch::Tensor& bias, double epsilon);

} // namespace dagan::model
