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
using winograd::Results;
using winograd::Wanted;

constexpr const char *kWay = "way", *kGradientSum = "gradient sum", *kBias = "bias";

// What all three operations must know: the shape, the way, and what the kernel's gradient is added to, if to anything.
struct Way {
    winograd::Shape shape;
    bool winograd = false;
    torch::Tensor kernel_gradient_sum;

    void remember(AutogradContext* context) const {
        std::vector<int64_t> values{winograd ? 1 : 0, shape.map_height, shape.map_width,
                                    shape.height,     shape.width,      shape.stride};
        values.insert(values.end(), shape.channels.begin(), shape.channels.end());
        context->saved_data[kWay] = values;
        context->saved_data[kGradientSum] = kernel_gradient_sum;
    }
    static Way of(AutogradContext* context) {
        const std::vector<int64_t> v = context->saved_data[kWay].toIntVector();
        return {{v.at(1), v.at(2), v.at(3), v.at(4), v.at(5), {v.begin() + 6, v.end()}},
                v.at(0) != 0,
                context->saved_data[kGradientSum].toTensor()};
    }
    size_t maps() const { return shape.channels.size(); }
};

// oneDNN pads both sides alike, so where SAME does not the map is padded before.
struct DirectPadding {
    Padding rows, columns;
    explicit DirectPadding(const Way& way)
        : rows(same_padding(way.shape.height, 3, way.shape.stride)),
          columns(same_padding(way.shape.width, 3, way.shape.stride)) {}
    bool symmetric() const { return rows.before == rows.after && columns.before == columns.after; }
    std::array<int64_t, 2> inside() const {
        return symmetric() ? std::array{rows.before, columns.before} : std::array<int64_t, 2>{0, 0};
    }
    // Writes each pixel once, where LibTorch's padding fills the whole map first.
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
    torch::Tensor cropped(const torch::Tensor& x, const Way& way) const {
        return symmetric() ? x
                           : x.narrow(2, rows.before, way.shape.height)
                                 .narrow(3, columns.before, way.shape.width);
    }
};

// x is one map.
Results compute_directly(const Arguments& arguments, const Wanted& wanted, const Way& way) {
    const DirectPadding padding(way);
    const std::array<int64_t, 2> stride{way.shape.stride, way.shape.stride},
        inside = padding.inside(), none{0, 0}, one{1, 1};
    const torch::Tensor x =
        arguments.x.empty() ? torch::Tensor() : padding.padded(arguments.x.front());
    Results results;
    if (wanted.output)
        results.output = at::conv2d(x, arguments.kernel, arguments.bias, stride, inside);
    if (!wanted.x_gradient && !wanted.kernel_gradient) return results;

    const torch::Tensor& gradient = arguments.output_gradient;
    const auto like =
        [&](torch::IntArrayRef sizes) { // LibTorch looks at the shape of what it does not need
            return torch::empty({1}, gradient.options()).expand(sizes);
        };
    const DirectPadding& p = padding;
    const int64_t height = way.shape.height + (p.symmetric() ? 0 : p.rows.before + p.rows.after);
    const int64_t width =
        way.shape.width + (p.symmetric() ? 0 : p.columns.before + p.columns.after);
    const torch::Tensor map =
        x.defined() ? x : like({gradient.size(0), arguments.kernel.size(1), height, width});
    const torch::Tensor kernel =
        arguments.kernel.defined() ? arguments.kernel : like({gradient.size(1), map.size(1), 3, 3});
    auto [x_gradient, kernel_gradient, bias_gradient] =
        at::convolution_backward(gradient, map, kernel, c10::nullopt, stride, inside, one, false,
                                 none, 1, {wanted.x_gradient, wanted.kernel_gradient, false});
    if (wanted.x_gradient) results.x_gradient = {padding.cropped(x_gradient, way)};
    results.kernel_gradient = kernel_gradient;
    if (wanted.kernel_gradient && arguments.kernel_gradient_sum.defined())
        results.kernel_gradient = arguments.kernel_gradient_sum.add_(kernel_gradient);
    return results;
}

Results compute(const Arguments& arguments, const Wanted& wanted, const Way& way) {
    return way.winograd ? winograd::compute(way.shape, arguments, wanted)
                        : compute_directly(arguments, wanted, way);
}

// The three operations. A backward pass that is itself differentiated is made of the operations; any other computes all that it
// owes in one go, so that gradients share what they can. Of the arguments of T, x is a list of maps, and comes last but for what
// is no tensor.
void remember(AutogradContext* context, variable_list tensors, torch::TensorList x,
              const Way& way) {
    tensors.insert(tensors.end(), x.begin(), x.end());
    context->save_for_backward(tensors);
    way.remember(context);
}

bool differentiated() { return torch::GradMode::is_enabled(); }

bool needs_one_of(AutogradContext* context, size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
        if (context->needs_input_grad(i)) return true;
    }
    return false;
}

// The kernel's gradient for autograd: none where it was added to a sum.
torch::Tensor kernel_gradient_of(const Results& results, const Way& way) {
    return way.kernel_gradient_sum.defined() ? torch::Tensor() : results.kernel_gradient;
}

// What a backward pass returns: the gradients of the first arguments, of each map of x (of none: undefined), and none of the way.
variable_list gradients_of(variable_list first, variable_list x_gradient, const Way& way) {
    x_gradient.resize(way.maps());
    first.insert(first.end(), x_gradient.begin(), x_gradient.end());
    first.emplace_back();
    return first;
}

struct Output : torch::autograd::Function<Output> {
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& kernel,
                                 const std::optional<torch::Tensor>& bias, torch::TensorList x,
                                 const Way& way) {
        remember(context, {kernel}, x, way);
        context->saved_data[kBias] = bias.has_value();
        return compute({x.vec(), kernel, {}, bias.value_or(torch::Tensor())}, {.output = true}, way)
            .output;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

// Gives a gradient for each map of x.
struct XGradient : torch::autograd::Function<XGradient> {
    static variable_list forward(AutogradContext* context, const torch::Tensor& output_gradient,
                                 const torch::Tensor& kernel, const Way& way) {
        remember(context, {output_gradient, kernel}, {}, way);
        return compute({{}, kernel, output_gradient, {}}, {.x_gradient = true}, way).x_gradient;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

struct KernelGradient : torch::autograd::Function<KernelGradient> {
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& output_gradient,
                                 torch::TensorList x, const Way& way) {
        remember(context, {output_gradient}, x, way);
        return compute({x.vec(), {}, output_gradient, {}}, {.kernel_gradient = true}, way)
            .kernel_gradient;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

variable_list Output::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &kernel = saved[0], &gradient = gradients[0];
    const variable_list x(saved.begin() + 1, saved.end());
    const Way way = Way::of(context);
    const bool has_bias = context->saved_data[kBias].toBool();
    const bool by_kernel = context->needs_input_grad(0),
               by_x = needs_one_of(context, has_bias ? 2 : 1, x.size());
    torch::Tensor kernel_gradient, bias_gradient;
    variable_list x_gradient;
    if (has_bias && context->needs_input_grad(1)) bias_gradient = gradient.sum({0, 2, 3});
    if (differentiated()) {
        if (by_x) x_gradient = XGradient::apply(gradient, kernel, way);
        if (by_kernel) kernel_gradient = KernelGradient::apply(gradient, torch::TensorList(x), way);
    } else if (by_x || by_kernel) {
        Results results = compute({x, kernel, gradient, {}, way.kernel_gradient_sum},
                                  {.x_gradient = by_x, .kernel_gradient = by_kernel}, way);
        kernel_gradient = kernel_gradient_of(results, way);
        x_gradient = std::move(results.x_gradient);
    }
    return gradients_of({kernel_gradient, bias_gradient}, std::move(x_gradient), way);
}

variable_list XGradient::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables(),
                        &x = gradients; // where x stood in the form
    const torch::Tensor &output_gradient = saved[0], &kernel = saved[1];
    const Way way = Way::of(context);
    const bool by_output = context->needs_input_grad(0), by_kernel = context->needs_input_grad(1);
    torch::Tensor output, kernel_gradient;
    if (differentiated()) {
        if (by_output) output = Output::apply(kernel, std::nullopt, torch::TensorList(x), way);
        if (by_kernel)
            kernel_gradient = KernelGradient::apply(output_gradient, torch::TensorList(x), way);
    } else if (by_output || by_kernel) {
        const Results results = compute({x, kernel, output_gradient, {}, way.kernel_gradient_sum},
                                        {.output = by_output, .kernel_gradient = by_kernel}, way);
        output = results.output;
        kernel_gradient = kernel_gradient_of(results, way);
    }
    return {output, kernel_gradient, {}};
}

variable_list KernelGradient::backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &output_gradient = saved[0],
                        &kernel = gradients[0]; // where the kernel stood
    const variable_list x(saved.begin() + 1, saved.end());
    const Way way = Way::of(context);
    torch::Tensor output;
    variable_list x_gradient;
    if (context->needs_input_grad(0))
        output = Output::apply(kernel, std::nullopt, torch::TensorList(x), way);
    if (needs_one_of(context, 1, x.size()))
        x_gradient = XGradient::apply(output_gradient, kernel, way);
    return gradients_of({output}, std::move(x_gradient), way);
}

// Channels that have one value all over, as a classifier's flag: kept as they are, or as whole maps.
bool is_flag(const torch::Tensor& map) {
    return map.size(2) == 1 && map.size(3) == 1 && !map.requires_grad();
}

// The maps as Winograd's algorithm takes them: those of fewer channels than a panel go with their neighbours, but for a flag at
// the end.
std::vector<torch::Tensor> in_panels(std::vector<torch::Tensor> maps) {
    std::vector<torch::Tensor> flags, arranged, together;
    if (maps.size() > 1 && is_flag(maps.back()) && maps.front().size(1) >= winograd::kPanel) {
        flags.push_back(maps.back());
        maps.pop_back();
    }
    int64_t channels = 0;
    for (const torch::Tensor& map : spread(std::move(maps))) {
        if (channels >= winograd::kPanel && map.size(1) >= winograd::kPanel) {
            arranged.push_back(joined(std::exchange(together, {})));
            channels = 0;
        }
        together.push_back(map);
        channels += map.size(1);
    }
    arranged.push_back(joined(std::move(together)));
    arranged.insert(arranged.end(), flags.begin(), flags.end());
    return arranged;
}

} // namespace

bool winograd_can(const ConvolutionShape& shape) {
    return shape.kernel == 3 && (shape.stride == 1 || shape.stride == 2) &&
           shape.in_channels >= winograd::kPanel && shape.out_channels >= winograd::kPanel;
}

bool winograd_chosen(Convolution choice, const ConvolutionShape& shape) {
    if (choice == Convolution::direct || !winograd_can(shape)) return false;
    return choice == Convolution::winograd ||
           &winograd::kernels_of_cpu() != &winograd::kPortableKernels;
}

torch::Tensor convolution_3x3(std::vector<torch::Tensor> maps, const torch::Tensor& kernel,
                              const torch::Tensor& bias, const ConvolutionPlan& plan) {
    const int64_t height = plan.resized_to.value_or(maps.front().size(2)),
                  width = plan.resized_to.value_or(maps.front().size(3));
    std::vector<torch::Tensor> x =
        plan.winograd ? in_panels(std::move(maps)) : std::vector{joined(spread(std::move(maps)))};
    if (!plan.winograd && plan.resized_to) x.front() = resize_nearest(x.front(), *plan.resized_to);
    Way way{{x.front().size(2), x.front().size(3), height, width, plan.stride, {}},
            plan.winograd,
            plan.kernel_gradient_sum};
    for (const torch::Tensor& map : x) {
        require(map.scalar_type() == torch::kFloat && map.device().is_cpu(), "floats on the CPU");
        way.shape.channels.push_back(map.size(1));
    }
    require(!plan.winograd || winograd_can({way.shape.all_channels(), kernel.size(0), height,
                                            kernel.size(2), plan.stride}),
            "a shape for Winograd");
    return Output::apply(kernel, std::optional(bias), torch::TensorList(x), way);
}

} // namespace dagan::model
