#include "model/convolution.h"

#include "base/error.h"
#include "model/same_conv.h"
#include "model/winograd.h"

#include <array>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace dagan {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using winograd::Arguments;
using winograd::Results;
using winograd::Wanted;

// What all three operations must know: the stride, the size of the map (its gradient's) and the way.
struct Way {
    int64_t stride = 1, height = 0, width = 0;
    bool winograd = false;

    std::vector<int64_t> values() const { return {stride, height, width, winograd ? 1 : 0}; }
    static Way from(const std::vector<int64_t>& v) { return {v.at(0), v.at(1), v.at(2), v.at(3) != 0}; }
};

// oneDNN pads both sides alike, so where SAME does not the map is padded before.
struct DirectPadding {
    Padding rows, columns;
    explicit DirectPadding(const Way& way)
        : rows(same_padding(way.height, 3, way.stride)), columns(same_padding(way.width, 3, way.stride)) {}
    bool symmetric() const { return rows.before == rows.after && columns.before == columns.after; }
    std::array<int64_t, 2> inside() const {
        return symmetric() ? std::array{rows.before, columns.before} : std::array<int64_t, 2>{0, 0};
    }
    // Writes each pixel once, where LibTorch's padding fills the whole map first.
    torch::Tensor padded(const torch::Tensor& x) const {
        if (symmetric()) return x;
        const int64_t height = x.size(2) + rows.before + rows.after, width = x.size(3) + columns.before + columns.after;
        torch::Tensor y = torch::empty({x.size(0), x.size(1), height, width}, x.options(), x.suggest_memory_format());
        for (const auto& [dimension, padding, size] : {std::tuple(2, rows, height), std::tuple(3, columns, width)}) {
            y.narrow(dimension, 0, padding.before).zero_();
            y.narrow(dimension, size - padding.after, padding.after).zero_();
        }
        y.narrow(2, rows.before, x.size(2)).narrow(3, columns.before, x.size(3)).copy_(x);
        return y;
    }
    torch::Tensor cropped(const torch::Tensor& x, const Way& way) const {
        return symmetric() ? x : x.narrow(2, rows.before, way.height).narrow(3, columns.before, way.width);
    }
};

Results compute_directly(const Arguments& arguments, const Wanted& wanted, const Way& way) {
    const DirectPadding padding(way);
    const std::array<int64_t, 2> stride{way.stride, way.stride}, inside = padding.inside(), none{0, 0}, one{1, 1};
    const torch::Tensor x = arguments.x.defined() ? padding.padded(arguments.x) : torch::Tensor();
    Results results;
    if (wanted.output) results.output = at::conv2d(x, arguments.kernel, arguments.bias, stride, inside);
    if (!wanted.x_gradient && !wanted.kernel_gradient) return results;

    const torch::Tensor& gradient = arguments.output_gradient;
    const auto like = [&](torch::IntArrayRef sizes) { // LibTorch looks at the shape of what it does not need
        return torch::empty({1}, gradient.options()).expand(sizes);
    };
    const DirectPadding& p = padding;
    const int64_t height = way.height + (p.symmetric() ? 0 : p.rows.before + p.rows.after);
    const int64_t width = way.width + (p.symmetric() ? 0 : p.columns.before + p.columns.after);
    const torch::Tensor map = x.defined() ? x : like({gradient.size(0), arguments.kernel.size(1), height, width});
    const torch::Tensor kernel = arguments.kernel.defined() ? arguments.kernel : like({gradient.size(1), map.size(1), 3, 3});
    auto [x_gradient, kernel_gradient, bias_gradient] =
        at::convolution_backward(gradient, map, kernel, c10::nullopt, stride, inside, one, false, none, 1,
                                 {wanted.x_gradient, wanted.kernel_gradient, false});
    if (wanted.x_gradient) results.x_gradient = padding.cropped(x_gradient, way);
    results.kernel_gradient = kernel_gradient;
    return results;
}

Results compute(const Arguments& arguments, const Wanted& wanted, const Way& way) {
    return way.winograd ? winograd::compute(arguments, wanted) : compute_directly(arguments, wanted, way);
}

// The three operations. A backward pass that is itself differentiated is made of the operations; any other computes all that it
// owes in one go, so that gradients share what they can.
constexpr const char *kWay = "way", *kBias = "bias";

void remember(AutogradContext* context, const torch::Tensor& first, const torch::Tensor& second, const Way& way) {
    context->save_for_backward({first, second});
    context->saved_data[kWay] = way.values();
}

Way way_of(AutogradContext* context) { return Way::from(context->saved_data[kWay].toIntVector()); }

bool differentiated() { return torch::GradMode::is_enabled(); }

struct Output : torch::autograd::Function<Output> {
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& kernel,
                                 const std::optional<torch::Tensor>& bias, const Way& way) {
        remember(context, x, kernel, way);
        context->saved_data[kBias] = bias.has_value();
        const Arguments arguments{.x = x, .kernel = kernel, .output_gradient = {}, .bias = bias.value_or(torch::Tensor())};
        return compute(arguments, {.output = true}, way).output;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

struct XGradient : torch::autograd::Function<XGradient> {
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& output_gradient, const torch::Tensor& kernel,
                                 const Way& way) {
        remember(context, output_gradient, kernel, way);
        return compute({.x = {}, .kernel = kernel, .output_gradient = output_gradient, .bias = {}}, {.x_gradient = true}, way)
            .x_gradient;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

struct KernelGradient : torch::autograd::Function<KernelGradient> {
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& output_gradient,
                                 const Way& way) {
        remember(context, x, output_gradient, way);
        return compute({.x = x, .kernel = {}, .output_gradient = output_gradient, .bias = {}}, {.kernel_gradient = true}, way)
            .kernel_gradient;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

variable_list Output::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &kernel = saved[1], &gradient = gradients[0];
    const Way way = way_of(context);
    const bool by_x = context->needs_input_grad(0), by_kernel = context->needs_input_grad(1);
    torch::Tensor x_gradient, kernel_gradient, bias_gradient;
    if (context->saved_data[kBias].toBool() && context->needs_input_grad(2)) bias_gradient = gradient.sum({0, 2, 3});
    if (differentiated()) {
        if (by_x) x_gradient = XGradient::apply(gradient, kernel, way);
        if (by_kernel) kernel_gradient = KernelGradient::apply(x, gradient, way);
    } else if (by_x || by_kernel) {
        const Results results = compute({.x = x, .kernel = kernel, .output_gradient = gradient, .bias = {}},
                                        {.x_gradient = by_x, .kernel_gradient = by_kernel}, way);
        x_gradient = results.x_gradient;
        kernel_gradient = results.kernel_gradient;
    }
    return {x_gradient, kernel_gradient, bias_gradient, {}};
}

variable_list XGradient::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &output_gradient = saved[0], &kernel = saved[1], &x = gradients[0]; // where x stood in the form
    const Way way = way_of(context);
    const bool by_output = context->needs_input_grad(0), by_kernel = context->needs_input_grad(1);
    torch::Tensor output, kernel_gradient;
    if (differentiated()) {
        if (by_output) output = Output::apply(x, kernel, std::nullopt, way);
        if (by_kernel) kernel_gradient = KernelGradient::apply(x, output_gradient, way);
    } else if (by_output || by_kernel) {
        const Results results = compute({.x = x, .kernel = kernel, .output_gradient = output_gradient, .bias = {}},
                                        {.output = by_output, .kernel_gradient = by_kernel}, way);
        output = results.output;
        kernel_gradient = results.kernel_gradient;
    }
    return {output, kernel_gradient, {}};
}

variable_list KernelGradient::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &output_gradient = saved[1], &kernel = gradients[0]; // where the kernel stood
    const Way way = way_of(context);
    torch::Tensor x_gradient, output;
    if (context->needs_input_grad(0)) x_gradient = XGradient::apply(output_gradient, kernel, way);
    if (context->needs_input_grad(1)) output = Output::apply(x, kernel, std::nullopt, way);
    return {x_gradient, output, {}};
}

} // namespace

bool winograd_can(const ConvolutionShape& shape) {
    return shape.kernel == 3 && shape.stride == 1 && shape.in_channels >= winograd::kPanel &&
           shape.out_channels >= winograd::kPanel;
}

bool winograd_chosen(Convolution choice, const ConvolutionShape& shape) {
    if (choice == Convolution::direct || !winograd_can(shape)) return false;
    if (choice == Convolution::winograd) return true;
    // 2 x 2 maps fill a quarter of a tile, and then nothing is saved.
    return &winograd::kernels_of_cpu() != &winograd::kPortableKernels && shape.size > 2;
}

torch::Tensor convolution_3x3(const torch::Tensor& x, const torch::Tensor& kernel, const torch::Tensor& bias, int64_t stride,
                              bool winograd) {
    require(x.scalar_type() == torch::kFloat && x.device().is_cpu(), "floats on the CPU");
    require(!winograd || winograd_can({x.size(1), kernel.size(0), x.size(2), kernel.size(2), stride}), "a shape for Winograd");
    return Output::apply(x, kernel, std::optional(bias), Way{stride, x.size(2), x.size(3), winograd});
}

} // namespace dagan
