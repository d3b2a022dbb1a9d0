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

torch::Tensor like(const torch::Tensor& x) {
    return torch::empty_like(x, {}, torch::MemoryFormat::ChannelsLast);
}

torch::Tensor laid_out(const torch::Tensor& x) {
    return x.contiguous(torch::MemoryFormat::ChannelsLast);
}

const float* read(const torch::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
float* write(const torch::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

torch::Tensor activated(const torch::Tensor& x, double slope) {
    return slope == 1 ? x : at::leaky_relu(x, slope);
}

// dL/d(inputs) by autograd through LibTorch's expression of them, for derivatives that the loops do not have; g =
// dL/d(expression).
template <class Expression>
variable_list differentiated(const variable_list& inputs, const torch::Tensor& g,
                             const Expression& expression) {
    const torch::AutoGradMode recorded(true);
    variable_list wanted;
    for (const torch::Tensor& input : inputs) {
        if (input.requires_grad()) wanted.push_back(input);
    }
    const variable_list found = torch::autograd::grad({expression(inputs)}, wanted, {g},
                                                      /*retain_graph=*/true, /*create_graph=*/true);
    variable_list gradients;
    for (size_t i = 0, next = 0; i < inputs.size(); ++i) {
        gradients.push_back(inputs[i].requires_grad() ? found[next++] : torch::Tensor());
    }
    return gradients;
}

// dL/dx of layer norm as a function of x, gamma and g = dL/dy, to be differentiated once more.
class LayerNormGradient : public torch::autograd::Function<LayerNormGradient> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                                 const torch::Tensor& gamma, const torch::Tensor& g,
                                 const torch::Tensor& mean, const torch::Tensor& rstd,
                                 double slope) {
        context->save_for_backward({x, gamma, g, mean, rstd});
        context->saved_data["slope"] = slope;
        const MapShape shape = shape_of(x);
        torch::Tensor dx = like(x),
                      of_gamma = torch::empty({shape.samples, shape.channels}, x.options()),
                      of_beta = torch::empty_like(of_gamma);
        leaky_layer_norm_backward(read(x), read(g), shape, static_cast<float>(slope), read(gamma),
                                  read(mean), read(rstd), write(dx), write(of_gamma),
                                  write(of_beta));
        return dx;
    }
    static variable_list backward(AutogradContext* context, const variable_list& upon) {
        require(!at::GradMode::is_enabled(), "layer norm is differentiated at most twice");
        const variable_list saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &gamma = saved[1], &g = saved[2], &mean = saved[3],
                            &rstd = saved[4];
        const torch::Tensor u = laid_out(upon[0]);
        const MapShape shape = shape_of(x);
        torch::Tensor dx = like(x), dg = like(x),
                      of_gamma = torch::empty({shape.samples, shape.channels}, x.options());
        leaky_layer_norm_double_backward(
            read(x), read(g), read(u), shape,
            static_cast<float>(context->saved_data["slope"].toDouble()), read(gamma), read(mean),
            read(rstd), write(dx), write(dg), write(of_gamma));
        return {dx, of_gamma.sum(0), dg, {}, {}, {}};
    }
};

class LayerNormFunction : public torch::autograd::Function<LayerNormFunction> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                                 const torch::Tensor& gamma, const torch::Tensor& beta,
                                 double slope, double epsilon) {
        const MapShape shape = shape_of(x);
        torch::Tensor y = like(x), mean = torch::empty({shape.samples}, x.options()),
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
        const torch::Tensor g = laid_out(gradients[0]);
        const double slope = context->saved_data["slope"].toDouble(),
                     epsilon = context->saved_data["epsilon"].toDouble();
        const bool of_parameters = context->needs_input_grad(1) || context->needs_input_grad(2);
        if (at::GradMode::is_enabled()) {
            if (!of_parameters)
                return {LayerNormGradient::apply(x, gamma, g, mean, rstd, slope), {}, {}, {}, {}};
            variable_list all = differentiated({x, gamma, beta}, g, [&](const variable_list& in) {
                return layer_norm_expression(in[0], slope, in[1], in[2], epsilon);
            });
            all.resize(5);
            return all;
        }
        const MapShape shape = shape_of(x);
        torch::Tensor dx = like(x),
                      of_gamma = torch::empty({shape.samples, shape.channels}, x.options()),
                      of_beta = torch::empty_like(of_gamma);
        leaky_layer_norm_backward(read(x), read(g), shape, static_cast<float>(slope), read(gamma),
                                  read(mean), read(rstd), write(dx), write(of_gamma),
                                  write(of_beta));
        if (!of_parameters) return {dx, {}, {}, {}, {}};
        return {dx, of_gamma.sum(0), of_beta.sum(0), {}, {}};
    }
};

torch::Tensor channel_norm_expression(const torch::Tensor& x, double slope,
                                      const torch::Tensor& weight, const torch::Tensor& bias,
                                      double epsilon) {
    return std::get<0>(at::native_batch_norm(activated(x, slope), weight, bias, {}, {},
                                             /*training=*/true, /*momentum=*/0, epsilon));
}

// (leaky_relu(x, slope) - mean) * scale + bias
torch::Tensor channel_affine(const torch::Tensor& x, double slope, const torch::Tensor& scale,
                             const torch::Tensor& mean, const torch::Tensor& bias) {
    torch::Tensor y = like(x);
    const torch::Tensor shift = torch::addcmul(bias, mean, scale, -1);
    leaky_affine(read(x), shape_of(x), static_cast<float>(slope), read(scale), read(shift),
                 write(y));
    return y;
}

// With z = (a - mean) / sigma and y = weight z + bias:  dx = s weight / sigma (g - <g> - z <g z>), < > the mean over the channel.
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
        const torch::Tensor g = laid_out(gradients[0]);
        const double slope = context->saved_data["slope"].toDouble(),
                     epsilon = context->saved_data["epsilon"].toDouble();
        if (at::GradMode::is_enabled()) {
            variable_list all = differentiated({x, weight, bias}, g, [&](const variable_list& in) {
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
        const torch::Tensor of_bias = sums[0].to(torch::kFloat),
                            of_weight = (sums[1] / sigma).to(torch::kFloat);
        const auto count = static_cast<double>(shape.samples * shape.area);
        const torch::Tensor of_g = weight / sigma, of_a = of_g * of_weight / sigma / -count,
                            constant = of_g * of_bias / -count - of_a * mean;
        torch::Tensor dx = like(x);
        leaky_affine_backward(read(x), read(g), shape, static_cast<float>(slope), read(of_g),
                              read(of_a), read(constant), write(dx));
        return {dx, of_weight, of_bias, {}, {}, {}, {}};
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
    const torch::Tensor a = activated(x, slope);
    // The order of a sample's values is all the same to it: take them as they lie.
    const bool channels_last = in_channels_last(a);
    const torch::Tensor laid = channels_last ? a.permute({0, 2, 3, 1}) : a;
    torch::Tensor normalised =
        at::layer_norm(laid, {laid.size(1), laid.size(2), laid.size(3)}, {}, {}, epsilon);
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
