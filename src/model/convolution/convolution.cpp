#include "model/convolution/convolution.h"

#include "base/error.h"
#include "model/tensor/join.h"
#include "model/tensor/same_conv.h"
#include "model/winograd/winograd.h"

#include <array>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace dagan::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using winograd::Arguments;
using winograd::ResultMask;
using winograd::Results;

constexpr const char *kConvolution = "convolution", *kGradientSum = "gradient sum", *kBias = "bias";

// The parameters of all three operations: shape, method, and the tensor, if any, to which the
// kernel's gradient is added. Kept by autograd between forward and backward passes.
struct ConvContext {
    winograd::Shape shape;
    bool winograd = false;
    torch::Tensor kernel_gradient_sum;

    void save(AutogradContext* context) const {
        std::vector<int64_t> values{winograd ? 1 : 0, shape.map_height, shape.map_width,
                                    shape.height,     shape.width,      shape.stride};
        values.insert(values.end(), shape.channels.begin(), shape.channels.end());
        context->saved_data[kConvolution] = values;
        context->saved_data[kGradientSum] = kernel_gradient_sum;
    }
    static ConvContext load(AutogradContext* context) {
        const std::vector<int64_t> v = context->saved_data[kConvolution].toIntVector();
        return {{v.at(1), v.at(2), v.at(3), v.at(4), v.at(5), {v.begin() + 6, v.end()}},
                v.at(0) != 0,
                context->saved_data[kGradientSum].toTensor()};
    }
    size_t maps() const { return shape.channels.size(); }
};

// oneDNN pads both sides equally. Where SAME padding does not, the map is padded beforehand.
struct DirectPadding {
    Padding rows, columns;
    explicit DirectPadding(const ConvContext& conv)
        : rows(same_padding(conv.shape.height, 3, conv.shape.stride)),
          columns(same_padding(conv.shape.width, 3, conv.shape.stride)) {}
    bool symmetric() const { return rows.before == rows.after && columns.before == columns.after; }
    std::array<int64_t, 2> inside() const {
        return symmetric() ? std::array{rows.before, columns.before} : std::array<int64_t, 2>{0, 0};
    }
    // Writes each pixel once; LibTorch's padding fills the whole map first.
    torch::Tensor padded(const torch::Tensor& x) const {
        if (symmetric()) return x;
        const int64_t height = x.size(2) + rows.before + rows.after,
                      width = x.size(3) + columns.before + columns.after;
        torch::Tensor y = torch::empty({x.size(0), x.size(1), height, width}, x.options(),
                                       x.suggest_memory_format());
        for (const auto& [dimension, padding, size] :
             {std::tuple(2, rows, height), std::tuple(3, columns, width)}) {
            y.narrow(dimension, 0, padding.before).zero_();
            y.narrow(dimension, size - padding.after, padding.after).zero_();
        }
        y.narrow(2, rows.before, x.size(2)).narrow(3, columns.before, x.size(3)).copy_(x);
        return y;
    }
    torch::Tensor cropped(const torch::Tensor& x, const ConvContext& conv) const {
        return symmetric() ? x
                           : x.narrow(2, rows.before, conv.shape.height)
                                 .narrow(3, columns.before, conv.shape.width);
    }
};

// The direct method. x must be one map.
Results compute_directly(const Arguments& arguments, const ResultMask& mask,
                         const ConvContext& conv) {
    const DirectPadding padding(conv);
    const std::array<int64_t, 2> stride{conv.shape.stride, conv.shape.stride},
        inside = padding.inside(), none{0, 0}, one{1, 1};
    const torch::Tensor x =
        arguments.x.empty() ? torch::Tensor() : padding.padded(arguments.x.front());
    Results results;
    if (mask.output)
        results.output = at::conv2d(x, arguments.kernel, arguments.bias, stride, inside);
    if (!mask.x_gradient && !mask.kernel_gradient) return results;

    const torch::Tensor& gradient = arguments.output_gradient;
    // LibTorch checks the shapes even of arguments that it does not need.
    const auto shape_only = [&](torch::IntArrayRef sizes) {
        return torch::empty({1}, gradient.options()).expand(sizes);
    };
    const DirectPadding& p = padding;
    const int64_t height = conv.shape.height + (p.symmetric() ? 0 : p.rows.before + p.rows.after);
    const int64_t width =
        conv.shape.width + (p.symmetric() ? 0 : p.columns.before + p.columns.after);
    const torch::Tensor map =
        x.defined() ? x : shape_only({gradient.size(0), arguments.kernel.size(1), height, width});
    const torch::Tensor kernel = arguments.kernel.defined()
                                     ? arguments.kernel
                                     : shape_only({gradient.size(1), map.size(1), 3, 3});
    auto [x_gradient, kernel_gradient, bias_gradient] =
        at::convolution_backward(gradient, map, kernel, c10::nullopt, stride, inside, one, false,
                                 none, 1, {mask.x_gradient, mask.kernel_gradient, false});
    if (mask.x_gradient) results.x_gradient = {padding.cropped(x_gradient, conv)};
    results.kernel_gradient = kernel_gradient;
    if (mask.kernel_gradient && arguments.kernel_gradient_sum.defined())
        results.kernel_gradient = arguments.kernel_gradient_sum.add_(kernel_gradient);
    return results;
}

Results compute(const Arguments& arguments, const ResultMask& mask, const ConvContext& conv) {
    return conv.winograd ? winograd::compute(conv.shape, arguments, mask)
                         : compute_directly(arguments, mask, conv);
}

// The three operations. A backward pass that is itself differentiated consists of these operations;
// any other computes all its gradients in one call, so that they share their transforms. Of the
// arguments of T, x is a list of maps and is the last tensor argument.
void save_for_backward(AutogradContext* context, variable_list tensors, torch::TensorList x,
                       const ConvContext& conv) {
    tensors.insert(tensors.end(), x.begin(), x.end());
    context->save_for_backward(tensors);
    conv.save(context);
}

bool creating_graph() { return torch::GradMode::is_enabled(); }

bool needs_any_gradient(AutogradContext* context, size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
        if (context->needs_input_grad(i)) return true;
    }
    return false;
}

// The kernel's gradient for autograd: undefined if it was added to a sum.
torch::Tensor kernel_gradient_of(const Results& results, const ConvContext& conv) {
    return conv.kernel_gradient_sum.defined() ? torch::Tensor() : results.kernel_gradient;
}

// The results of a backward pass: the gradients of the first arguments, of each map of x (undefined
// if not computed), and none for the ConvContext.
variable_list input_gradients(variable_list first, variable_list x_gradient,
                              const ConvContext& conv) {
    x_gradient.resize(conv.maps());
    first.insert(first.end(), x_gradient.begin(), x_gradient.end());
    first.emplace_back();
    return first;
}

struct Output : torch::autograd::Function<Output> {
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& kernel,
                                 const std::optional<torch::Tensor>& bias, torch::TensorList x,
                                 const ConvContext& conv) {
        save_for_backward(context, {kernel}, x, conv);
        context->saved_data[kBias] = bias.has_value();
        return compute({x.vec(), kernel, {}, bias.value_or(torch::Tensor())}, {.output = true},
                       conv)
            .output;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

// Returns a gradient for each map of x.
struct XGradient : torch::autograd::Function<XGradient> {
    static variable_list forward(AutogradContext* context, const torch::Tensor& output_gradient,
                                 const torch::Tensor& kernel, const ConvContext& conv) {
        save_for_backward(context, {output_gradient, kernel}, {}, conv);
        return compute({{}, kernel, output_gradient, {}}, {.x_gradient = true}, conv).x_gradient;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

struct KernelGradient : torch::autograd::Function<KernelGradient> {
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& output_gradient,
                                 torch::TensorList x, const ConvContext& conv) {
        save_for_backward(context, {output_gradient}, x, conv);
        return compute({x.vec(), {}, output_gradient, {}}, {.kernel_gradient = true}, conv)
            .kernel_gradient;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

variable_list Output::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &kernel = saved[0], &gradient = gradients[0];
    const variable_list x(saved.begin() + 1, saved.end());
    const ConvContext conv = ConvContext::load(context);
    const bool has_bias = context->saved_data[kBias].toBool();
    const bool by_kernel = context->needs_input_grad(0),
               by_x = needs_any_gradient(context, has_bias ? 2 : 1, x.size());
    torch::Tensor kernel_gradient, bias_gradient;
    variable_list x_gradient;
    if (has_bias && context->needs_input_grad(1)) bias_gradient = gradient.sum({0, 2, 3});
    if (creating_graph()) {
        if (by_x) x_gradient = XGradient::apply(gradient, kernel, conv);
        if (by_kernel)
            kernel_gradient = KernelGradient::apply(gradient, torch::TensorList(x), conv);
    } else if (by_x || by_kernel) {
        Results results = compute({x, kernel, gradient, {}, conv.kernel_gradient_sum},
                                  {.x_gradient = by_x, .kernel_gradient = by_kernel}, conv);
        kernel_gradient = kernel_gradient_of(results, conv);
        x_gradient = std::move(results.x_gradient);
    }
    return input_gradients({kernel_gradient, bias_gradient}, std::move(x_gradient), conv);
}

variable_list XGradient::backward(AutogradContext* context, variable_list gradients) {
    // The gradients take the place of x in the trilinear form.
    const variable_list saved = context->get_saved_variables(), &x = gradients;
    const torch::Tensor &output_gradient = saved[0], &kernel = saved[1];
    const ConvContext conv = ConvContext::load(context);
    const bool by_output = context->needs_input_grad(0), by_kernel = context->needs_input_grad(1);
    torch::Tensor output, kernel_gradient;
    if (creating_graph()) {
        if (by_output) output = Output::apply(kernel, std::nullopt, torch::TensorList(x), conv);
        if (by_kernel)
            kernel_gradient = KernelGradient::apply(output_gradient, torch::TensorList(x), conv);
    } else if (by_output || by_kernel) {
        const Results results = compute({x, kernel, output_gradient, {}, conv.kernel_gradient_sum},
                                        {.output = by_output, .kernel_gradient = by_kernel}, conv);
        output = results.output;
        kernel_gradient = kernel_gradient_of(results, conv);
    }
    return {output, kernel_gradient, {}};
}

variable_list KernelGradient::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    // The gradient takes the place of the kernel in the trilinear form.
    const torch::Tensor &output_gradient = saved[0], &kernel = gradients[0];
    const variable_list x(saved.begin() + 1, saved.end());
    const ConvContext conv = ConvContext::load(context);
    torch::Tensor output;
    variable_list x_gradient;
    if (context->needs_input_grad(0))
        output = Output::apply(kernel, std::nullopt, torch::TensorList(x), conv);
    if (needs_any_gradient(context, 1, x.size()))
        x_gradient = XGradient::apply(output_gradient, kernel, conv);
    return input_gradients({output}, std::move(x_gradient), conv);
}

// Whether the map is one constant per channel, like a classifier's flag.
bool is_flag(const torch::Tensor& map) {
    return map.size(2) == 1 && map.size(3) == 1 && !map.requires_grad();
}

// Joins maps of fewer channels than a panel with their neighbours, as Winograd's algorithm
// requires. A flag at the end remains a map of its own.
std::vector<torch::Tensor> group_into_panels(std::vector<torch::Tensor> maps) {
    std::vector<torch::Tensor> flags, groups, current;
    if (maps.size() > 1 && is_flag(maps.back()) && maps.front().size(1) >= winograd::kPanel) {
        flags.push_back(maps.back());
        maps.pop_back();
    }
    int64_t channels = 0;
    for (const torch::Tensor& map : expand_maps(std::move(maps))) {
        if (channels >= winograd::kPanel && map.size(1) >= winograd::kPanel) {
            groups.push_back(join_channels(std::exchange(current, {})));
            channels = 0;
        }
        current.push_back(map);
        channels += map.size(1);
    }
    groups.push_back(join_channels(std::move(current)));
    groups.insert(groups.end(), flags.begin(), flags.end());
    return groups;
}

} // namespace

bool winograd_supports(const ConvolutionShape& shape) {
    return shape.kernel == 3 && (shape.stride == 1 || shape.stride == 2) &&
           shape.in_channels >= winograd::kPanel && shape.out_channels >= winograd::kPanel;
}

bool winograd_selected(Convolution choice, const ConvolutionShape& shape) {
    if (choice == Convolution::direct || !winograd_supports(shape)) return false;
    return choice == Convolution::winograd ||
           &winograd::kernels_of_cpu() != &winograd::kPortableKernels;
}

torch::Tensor convolution_3x3(std::vector<torch::Tensor> maps, const torch::Tensor& kernel,
                              const torch::Tensor& bias, const ConvolutionPlan& plan) {
    const int64_t height = plan.resized_to.value_or(maps.front().size(2)),
                  width = plan.resized_to.value_or(maps.front().size(3));
    std::vector<torch::Tensor> x = plan.winograd
                                       ? group_into_panels(std::move(maps))
                                       : std::vector{join_channels(expand_maps(std::move(maps)))};
    if (!plan.winograd && plan.resized_to) x.front() = resize_nearest(x.front(), *plan.resized_to);
    ConvContext conv{{x.front().size(2), x.front().size(3), height, width, plan.stride, {}},
                     plan.winograd,
                     plan.kernel_gradient_sum};
    for (const torch::Tensor& map : x) {
        require(map.scalar_type() == torch::kFloat && map.device().is_cpu(),
                "maps are float tensors on the CPU");
        conv.shape.channels.push_back(map.size(1));
    }
    require(!plan.winograd || winograd_supports({conv.shape.all_channels(), kernel.size(0), height,
                                                 kernel.size(2), plan.stride}),
            "Winograd's algorithm supports the shape");
    return Output::apply(kernel, std::optional(bias), torch::TensorList(x), conv);
}

} // namespace dagan::model
