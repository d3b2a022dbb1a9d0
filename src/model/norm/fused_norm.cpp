#include "model/norm/fused_norm.h"

#include "base/error.h"
#include "model/norm/norm_kernels.h"
#include "model/tensor/join.h"

#include <vector>

namespace dagan::model {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
MapShape shape_of(const torch::Tensor& x) { return {x.size(0), x.size(2) * x.size(3), x.size(1)}; }

torch::Tensor empty_like_map(const torch::Tensor& x) {
    return torch::empty_like(x, {}, torch::MemoryFormat::ChannelsLast);
}

torch::Tensor to_channels_last(const torch::Tensor& x) {
    return x.contiguous(torch::MemoryFormat::ChannelsLast);
}

const float* read(const torch::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
float* write(const torch::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

torch::Tensor leaky(const torch::Tensor& x, double slope) {
    return slope == 1 ? x : at::leaky_relu(x, slope);
}

// Returns dL/d(inputs) by autograd through LibTorch's expression, given g = dL/d(expression). For
// derivatives that the loops do not have.
template <class Expression>
variable_list gradients_by_autograd(const variable_list& inputs, const torch::Tensor& g,
                                    const Expression& expression) {
    const torch::AutoGradMode recorded(true);
    variable_list differentiable;
    for (const torch::Tensor& input : inputs) {
        if (input.requires_grad()) differentiable.push_back(input);
    }
    const variable_list found = torch::autograd::grad({expression(inputs)}, differentiable, {g},
                                                      /*retain_graph=*/true, /*create_graph=*/true);
    variable_list gradients;
    for (size_t i = 0, next = 0; i < inputs.size(); ++i) {
        gradients.push_back(inputs[i].requires_grad() ? found[next++] : torch::Tensor());
    }
    return gradients;
}

// dL/dx of layer normalisation as a function of x, gamma and g = dL/dy, which can be differentiated
// once more.
class LayerNormGradient : public torch::autograd::Function<LayerNormGradient> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                                 const torch::Tensor& gamma, const torch::Tensor& g,
                                 const torch::Tensor& mean, const torch::Tensor& rstd,
                                 double slope) {
        context->save_for_backward({x, gamma, g, mean, rstd});
        context->saved_data["slope"] = slope;
        const MapShape shape = shape_of(x);
        torch::Tensor dx = empty_like_map(x),
                      dgamma = torch::empty({shape.samples, shape.channels}, x.options()),
                      dbeta = torch::empty_like(dgamma);
        leaky_layer_norm_backward(read(x), read(g), shape, static_cast<float>(slope), read(gamma),
                                  read(mean), read(rstd), write(dx), write(dgamma), write(dbeta));
        return dx;
    }
    static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
        require(!at::GradMode::is_enabled(), "layer norm is differentiated at most twice");
        const variable_list saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &gamma = saved[1], &g = saved[2], &mean = saved[3],
                            &rstd = saved[4];
        const torch::Tensor u = to_channels_last(output_gradients[0]);
        const MapShape shape = shape_of(x);
        torch::Tensor dx = empty_like_map(x), dg = empty_like_map(x),
                      dgamma = torch::empty({shape.samples, shape.channels}, x.options());
        leaky_layer_norm_double_backward(
            read(x), read(g), read(u), shape,
            static_cast<float>(context->saved_data["slope"].toDouble()), read(gamma), read(mean),
            read(rstd), write(dx), write(dg), write(dgamma));
        return {dx, dgamma.sum(0), dg, {}, {}, {}};
    }
};

class LayerNormFunction : public torch::autograd::Function<LayerNormFunction> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                                 const torch::Tensor& gamma, const torch::Tensor& beta,
                                 double slope, double epsilon) {
        const MapShape shape = shape_of(x);
        torch::Tensor y = empty_like_map(x), mean = torch::empty({shape.samples}, x.options()),
                      rstd = torch::empty_like(mean);
        leaky_layer_norm(read(x), shape, static_cast<float>(slope), epsilon, read(gamma),
                         read(beta), write(y), write(mean), write(rstd));
        context->save_for_backward({x, gamma, beta, mean, rstd});
        context->saved_data["slope"] = slope;
        context->saved_data["epsilon"] = epsilon;
        return y;
    }
    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &gamma = saved[1], &beta = saved[2], &mean = saved[3],
                            &rstd = saved[4];
        const torch::Tensor g = to_channels_last(gradients[0]);
        const double slope = context->saved_data["slope"].toDouble(),
                     epsilon = context->saved_data["epsilon"].toDouble();
        const bool needs_parameters = context->needs_input_grad(1) || context->needs_input_grad(2);
        if (at::GradMode::is_enabled()) {
            if (!needs_parameters)
                return {LayerNormGradient::apply(x, gamma, g, mean, rstd, slope), {}, {}, {}, {}};
            variable_list all =
                gradients_by_autograd({x, gamma, beta}, g, [&](const variable_list& in) {
                    return layer_norm_expression(in[0], slope, in[1], in[2], epsilon);
                });
            all.resize(5);
            return all;
        }
        const MapShape shape = shape_of(x);
        torch::Tensor dx = empty_like_map(x),
                      dgamma = torch::empty({shape.samples, shape.channels}, x.options()),
                      dbeta = torch::empty_like(dgamma);
        leaky_layer_norm_backward(read(x), read(g), shape, static_cast<float>(slope), read(gamma),
                                  read(mean), read(rstd), write(dx), write(dgamma), write(dbeta));
        if (!needs_parameters) return {dx, {}, {}, {}, {}};
        return {dx, dgamma.sum(0), dbeta.sum(0), {}, {}};
    }
};

torch::Tensor channel_norm_expression(const torch::Tensor& x, double slope,
                                      const torch::Tensor& weight, const torch::Tensor& bias,
                                      double epsilon) {
    return std::get<0>(at::native_batch_norm(leaky(x, slope), weight, bias, {}, {},
                                             /*training=*/true, /*momentum=*/0, epsilon));
}

// (leaky_relu(x, slope) - mean) * scale + bias
torch::Tensor channel_affine(const torch::Tensor& x, double slope, const torch::Tensor& scale,
                             const torch::Tensor& mean, const torch::Tensor& bias) {
    torch::Tensor y = empty_like_map(x);
    const torch::Tensor shift = torch::addcmul(bias, mean, scale, -1);
    leaky_affine(read(x), shape_of(x), static_cast<float>(slope), read(scale), read(shift),
                 write(y));
    return y;
}

// With z = (a - mean) / sigma, y = weight z + bias and < > the mean over the channel:
// dx = s weight / sigma (g - <g> - z <g z>).
class ChannelNormFunction : public torch::autograd::Function<ChannelNormFunction> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                                 const torch::Tensor& weight, const torch::Tensor& bias,
                                 const torch::Tensor& mean, const torch::Tensor& variance,
                                 double slope, double epsilon) {
        const torch::Tensor sigma = (variance + epsilon).sqrt_();
        const torch::Tensor y = channel_affine(x, slope, weight / sigma, mean, bias);
        context->save_for_backward({x, weight, bias, mean, sigma});
        context->saved_data["slope"] = slope;
        context->saved_data["epsilon"] = epsilon;
        return y;
    }
    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &mean = saved[3],
                            &sigma = saved[4];
        const torch::Tensor g = to_channels_last(gradients[0]);
        const double slope = context->saved_data["slope"].toDouble(),
                     epsilon = context->saved_data["epsilon"].toDouble();
        if (at::GradMode::is_enabled()) {
            variable_list all =
                gradients_by_autograd({x, weight, bias}, g, [&](const variable_list& in) {
                    return channel_norm_expression(in[0], slope, in[1], in[2], epsilon);
                });
            all.resize(7);
            return all;
        }
        const MapShape shape = shape_of(x);
        const torch::Tensor scratch =
            torch::empty({2 * shape.samples * shape.channels}, x.options());
        const torch::Tensor sums =
            torch::empty({2, shape.channels}, x.options().dtype(torch::kDouble));
        leaky_gradient_sums(read(x), read(g), shape, static_cast<float>(slope), read(mean),
                            write(scratch), sums[0].mutable_data_ptr<double>(),
                            sums[1].mutable_data_ptr<double>());
        const torch::Tensor dbias = sums[0].to(torch::kFloat),
                            dweight = (sums[1] / sigma).to(torch::kFloat);
        const auto count = static_cast<double>(shape.samples * shape.area);
        const torch::Tensor g_factor = weight / sigma,
                            a_factor = g_factor * dweight / sigma / -count,
                            constant = g_factor * dbias / -count - a_factor * mean;
        torch::Tensor dx = empty_like_map(x);
        leaky_affine_backward(read(x), read(g), shape, static_cast<float>(slope), read(g_factor),
                              read(a_factor), read(constant), write(dx));
        return {dx, dweight, dbias, {}, {}, {}, {}};
    }
};
} // namespace

bool fusable(const torch::Tensor& x) {
    return x.dim() == 4 && x.device().is_cpu() && x.scalar_type() == torch::kFloat &&
           x.numel() > 0 && x.is_contiguous(torch::MemoryFormat::ChannelsLast);
}

torch::Tensor leaky_layer_norm(const torch::Tensor& x, double slope, const torch::Tensor& gamma,
                               const torch::Tensor& beta, double epsilon) {
    return LayerNormFunction::apply(x, gamma, beta, slope, epsilon);
}

torch::Tensor layer_norm_expression(const torch::Tensor& x, double slope,
                                    const torch::Tensor& gamma, const torch::Tensor& beta,
                                    double epsilon) {
    const torch::Tensor a = leaky(x, slope);
    // The result does not depend on the order of a sample's values, so the order in memory is used.
    const bool channels_last = is_channels_last(a);
    const torch::Tensor ordered = channels_last ? a.permute({0, 2, 3, 1}) : a;
    torch::Tensor normalised = at::layer_norm(
        ordered, {ordered.size(1), ordered.size(2), ordered.size(3)}, {}, {}, epsilon);
    if (channels_last) normalised = normalised.permute({0, 3, 1, 2});
    return torch::addcmul(beta.view({-1, 1, 1}), normalised, gamma.view({-1, 1, 1}));
}

ChannelMoments leaky_channel_moments(const torch::Tensor& x, double slope) {
    const torch::NoGradGuard no_grad;
    const MapShape shape = shape_of(x);
    const torch::Tensor scratch = torch::empty({2 * shape.samples * shape.channels}, x.options());
    ChannelMoments moments{torch::empty({shape.channels}, x.options()),
                           torch::empty({shape.channels}, x.options())};
    leaky_moments(read(x), shape, static_cast<float>(slope), write(scratch), write(moments.mean),
                  write(moments.variance));
    return moments;
}

torch::Tensor leaky_channel_norm(const torch::Tensor& x, double slope,
                                 const ChannelMoments& moments, const torch::Tensor& weight,
                                 const torch::Tensor& bias, double epsilon) {
    return ChannelNormFunction::apply(x, weight, bias, moments.mean, moments.variance, slope,
                                      epsilon);
}

torch::Tensor leaky_channel_inference(const torch::Tensor& x, double slope,
                                      const ChannelMoments& moments, const torch::Tensor& weight,
                                      const torch::Tensor& bias, double epsilon) {
    const torch::NoGradGuard no_grad;
    return channel_affine(x, slope, weight / (moments.variance + epsilon).sqrt_(), moments.mean,
                          bias);
}

} // namespace dagan::model
