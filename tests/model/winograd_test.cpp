// The Winograd convolution against LibTorch's in double: the three operations themselves, for each kind of vector unit that this
// CPU has, and what autograd makes of them. The bar for all of it is 1e-4 of the largest value.
#include "model/winograd.h"

#include "model/convolution.h"
#include "model/convolution_timing.h"
#include "model/same_conv.h"
#include "tensors.h"

#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace dagan {
namespace {

constexpr double kRelativeError = 1e-4;

struct Shape {
    int64_t batch, in, out, height, width;
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
    return out << s.batch << " images, " << s.in << " -> " << s.out << " channels, " << s.height << " x " << s.width;
}

// Sizes of the networks and odd ones; channels that fill panels of 16 and that do not; batches with and without a last part.
const std::vector<Shape> kShapes{
    {3, 16, 16, 28, 28}, {2, 65, 64, 28, 28}, {32, 33, 20, 14, 14}, {3, 128, 64, 14, 14}, {32, 66, 32, 7, 7},
    {1, 193, 128, 7, 7}, {32, 257, 64, 4, 4}, {3, 100, 31, 4, 4},   {32, 136, 48, 2, 2},  {1, 17, 17, 1, 1},
    {3, 40, 24, 5, 5},   {2, 31, 47, 13, 13}, {1, 16, 95, 13, 5},   {3, 24, 16, 3, 29},   {1, 640, 128, 4, 4},
};

// x, kernel, bias and the output's gradient, in double.
struct Case {
    torch::Tensor x, kernel, bias, gradient;

    Case(const Shape& s, uint64_t seed)
        : x(random_tensor({s.batch, s.in, s.height, s.width}, seed)), kernel(random_tensor({s.out, s.in, 3, 3}, seed + 1) * 0.1),
          bias(random_tensor({s.out}, seed + 2)), gradient(random_tensor({s.batch, s.out, s.height, s.width}, seed + 3)) {}
};

torch::Tensor floats(const torch::Tensor& values, bool channels_last = true) {
    const torch::Tensor cast = values.detach().to(torch::kFloat);
    return channels_last && cast.dim() == 4 ? cast.contiguous(torch::MemoryFormat::ChannelsLast) : cast;
}

testing::AssertionResult agrees(const torch::Tensor& actual, const torch::Tensor& expected) {
    const double scale = expected.abs().max().item<double>(), error = largest_difference(actual, expected);
    if (error <= kRelativeError * scale) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "differs by " << error << ", the largest value being " << scale;
}

class WinogradKernelsTest : public testing::TestWithParam<const winograd::Kernels*> {
  protected:
    void SetUp() override {
        if (!winograd::runs_here(*GetParam())) GTEST_SKIP() << "this CPU has no " << GetParam()->name;
    }
};

TEST_P(WinogradKernelsTest, ComputeTheConvolutionAndItsGradients) {
    for (const Shape& shape : kShapes) {
        const Case c(shape, 7);
        const auto [x_gradient, kernel_gradient, bias_gradient] =
            at::convolution_backward(c.gradient, c.x, c.kernel, c10::nullopt, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
                                     std::array<bool, 3>{true, true, false});
        const winograd::Arguments arguments{floats(c.x), floats(c.kernel), floats(c.gradient), floats(c.bias)};
        const winograd::Results together =
            winograd::compute(arguments, {.output = true, .x_gradient = true, .kernel_gradient = true}, *GetParam());
        EXPECT_TRUE(agrees(together.output, at::conv2d(c.x, c.kernel, c.bias, {1, 1}, {1, 1}))) << shape;
        EXPECT_TRUE(agrees(together.x_gradient, x_gradient)) << shape;
        EXPECT_TRUE(agrees(together.kernel_gradient, kernel_gradient)) << shape;
        const auto alone = [&](const winograd::Wanted& wanted) { return winograd::compute(arguments, wanted, *GetParam()); };
        EXPECT_TRUE(torch::equal(alone({.output = true}).output, together.output)) << shape;
        EXPECT_TRUE(torch::equal(alone({.x_gradient = true}).x_gradient, together.x_gradient)) << shape;
    }
}

INSTANTIATE_TEST_SUITE_P(VectorUnits, WinogradKernelsTest,
                         testing::Values(&winograd::kAvx512Kernels, &winograd::kAvx2Kernels, &winograd::kPortableKernels),
                         [](const auto& unit) { return std::string(unit.param->name); });

// All first derivatives of e . (x * g + b), and those of h . (the first ones), by x, g and e.
std::vector<torch::Tensor> derivatives(const std::function<torch::Tensor(const std::vector<torch::Tensor>&)>& convolve,
                                       std::vector<torch::Tensor> at, const std::vector<torch::Tensor>& along) {
    for (torch::Tensor& value : at) value = value.detach().requires_grad_();
    const torch::Tensor &x = at[0], &kernel = at[1], &bias = at[2], &gradient = at[3];
    const torch::Tensor y = convolve(at);
    const std::vector<torch::Tensor> first =
        torch::autograd::grad({y}, {x, kernel, bias}, {gradient}, true, /*create_graph=*/true);
    std::vector<torch::Tensor> all{y};
    all.insert(all.end(), first.begin(), first.end());
    for (const std::vector<size_t>& terms : {std::vector<size_t>{0}, {1}, {0, 1}}) { // as the penalty does, and the others
        torch::Tensor sum = torch::zeros({}, y.options());
        for (const size_t i : terms) sum = sum + (first[i] * along[i]).sum();
        for (const torch::Tensor& second : torch::autograd::grad({sum}, {x, kernel, gradient}, {}, true, false, true)) {
            if (second.defined()) all.push_back(second);
        }
    }
    return all;
}

void expect_derivatives(const Shape& shape, int64_t stride, bool winograd, bool channels_last) {
    const Case c(shape, 11);
    const auto reference = [&](const std::vector<torch::Tensor>& v) {
        const auto pad = [&](int64_t size) { return same_padding(size, 3, stride); };
        const Padding rows = pad(shape.height), columns = pad(shape.width);
        return at::conv2d(at::constant_pad_nd(v[0], {columns.before, columns.after, rows.before, rows.after}), v[1], v[2],
                          {stride, stride});
    };
    const auto ours = [&](const std::vector<torch::Tensor>& v) { return convolution_3x3(v[0], v[1], v[2], stride, winograd); };
    const torch::Tensor gradient = random_tensor(reference({c.x, c.kernel, c.bias}).sizes(), 5);
    const std::vector<torch::Tensor> at{c.x, c.kernel, c.bias, gradient};
    const std::vector<torch::Tensor> along{random_tensor(c.x.sizes(), 3), random_tensor(c.kernel.sizes(), 4)};
    std::vector<torch::Tensor> at_floats, along_floats;
    for (const torch::Tensor& value : at) at_floats.push_back(floats(value, channels_last));
    for (const torch::Tensor& value : along) along_floats.push_back(floats(value, channels_last));
    const auto expected = derivatives(reference, at, along), actual = derivatives(ours, at_floats, along_floats);
    ASSERT_EQ(actual.size(), expected.size());
    ASSERT_EQ(actual.size(), 4 + 2 + 2 + 3);
    for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_TRUE(agrees(actual[i], expected[i])) << shape << ", stride " << stride << ", derivative " << i;
    }
}

TEST(ConvolutionTest, ValuesFirstAndSecondDerivativesByWinogradAgreeWithDouble) {
    for (const Shape& shape : kShapes) {
        if (shape.batch * shape.in * shape.out * shape.height * shape.width < 40'000'000)
            expect_derivatives(shape, 1, true, true);
    }
    expect_derivatives({3, 48, 32, 14, 14}, 1, true, /*channels_last=*/false);
}

TEST(ConvolutionTest, ValuesFirstAndSecondDerivativesOfTheDirectWayAgreeWithDouble) {
    for (const bool channels_last : {false, true}) {
        for (const int64_t stride : {1, 2}) {
            expect_derivatives({3, 20, 16, 14, 14}, stride, false, channels_last);
            expect_derivatives({2, 2, 16, 7, 7}, stride, false, channels_last);
            expect_derivatives({2, 64, 1, 4, 7}, stride, false, channels_last);
        }
    }
}

// Through both gradients, each differentiated again: d/d(kernel, e) of the square of d/d(kernel) of the square of d/dx of <e, x *
// k>.
std::vector<torch::Tensor>
third_derivatives(const std::function<torch::Tensor(const torch::Tensor&, const torch::Tensor&)>& convolve,
                  const torch::Tensor& x, const torch::Tensor& k, const torch::Tensor& e) {
    for (const torch::Tensor& value : {x, k, e}) value.requires_grad_();
    const auto again = [](const torch::Tensor& value, const torch::Tensor& by) {
        return torch::autograd::grad({value.square().sum()}, {by}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
    };
    const torch::Tensor by_x = torch::autograd::grad({(convolve(x, k) * e).sum()}, {x}, {}, true, true)[0];
    const torch::Tensor by_kernel = again(by_x, k);
    return {by_kernel, again(by_kernel, k), again(by_kernel, e)};
}

TEST(ConvolutionTest, ThirdDerivativesAgreeWithDouble) {
    const Case c({2, 17, 16, 6, 6}, 29);
    const auto zeros = [](const torch::Tensor& kernel) { return torch::zeros({kernel.size(0)}, kernel.options()); };
    const auto expected =
        third_derivatives([&](const torch::Tensor& x, const torch::Tensor& k) { return at::conv2d(x, k, zeros(k), 1, 1); },
                          c.x.clone(), c.kernel.clone(), c.gradient.clone());
    for (const bool winograd : {false, true}) {
        const auto actual = third_derivatives(
            [&](const torch::Tensor& x, const torch::Tensor& k) { return convolution_3x3(x, k, zeros(k), 1, winograd); },
            floats(c.x), floats(c.kernel), floats(c.gradient));
        for (size_t i = 0; i < expected.size(); ++i)
            EXPECT_TRUE(agrees(actual[i], expected[i])) << i << ", Winograd " << winograd;
    }
}

class RestoreThreads {
  public:
    ~RestoreThreads() { at::set_num_threads(before_); }

  private:
    int before_ = at::get_num_threads();
};

TEST(WinogradTest, ResultsDoNotDependOnTheNumberOfThreads) {
    const RestoreThreads restore;
    for (const Shape& shape : {Shape{5, 65, 64, 14, 14}, Shape{32, 257, 64, 4, 4}}) {
        const Case c(shape, 13);
        const winograd::Arguments arguments{floats(c.x), floats(c.kernel), floats(c.gradient), floats(c.bias)};
        std::vector<winograd::Results> results;
        for (const int threads : {1, 2, 3}) {
            at::set_num_threads(threads);
            results.push_back(winograd::compute(arguments, {true, true, true}));
        }
        for (const winograd::Results& r : results) {
            EXPECT_TRUE(torch::equal(r.output, results[0].output)) << shape;
            EXPECT_TRUE(torch::equal(r.x_gradient, results[0].x_gradient)) << shape;
            EXPECT_TRUE(torch::equal(r.kernel_gradient, results[0].kernel_gradient)) << shape;
        }
    }
}

TEST(WinogradTest, AnImageGivesTheSameBitsWhereverItLiesInTheBatch) {
    for (const Shape& shape : {Shape{11, 65, 64, 14, 14}, Shape{32, 257, 48, 4, 4}}) {
        const Case c(shape, 17);
        const torch::Tensor x = floats(c.x), kernel = floats(c.kernel), gradient = floats(c.gradient);
        const auto compute = [&](const torch::Tensor& maps, const torch::Tensor& gradients) {
            return winograd::compute({maps, kernel, gradients, floats(c.bias)}, {.output = true, .x_gradient = true});
        };
        const winograd::Results whole = compute(x, gradient);
        for (const int64_t i : {int64_t{0}, shape.batch / 2, shape.batch - 1}) {
            const winograd::Results one = compute(x.narrow(0, i, 1), gradient.narrow(0, i, 1));
            EXPECT_TRUE(torch::equal(one.output, whole.output.narrow(0, i, 1))) << shape << ", image " << i;
            EXPECT_TRUE(torch::equal(one.x_gradient, whole.x_gradient.narrow(0, i, 1))) << shape << ", image " << i;
        }
    }
}

TEST(WinogradTest, ReadsSomeChannelsOfALargerMapWhereTheyLie) {
    const Case c({3, 40, 24, 7, 7}, 19);
    const torch::Tensor larger = floats(random_tensor({3, 64, 7, 7}, 23));
    const torch::Tensor part = larger.narrow(1, 5, 40);
    const auto output = [&](const torch::Tensor& x) {
        return winograd::compute({x, floats(c.kernel), {}, {}}, {.output = true}).output;
    };
    EXPECT_TRUE(torch::equal(output(part), output(part.clone(torch::MemoryFormat::ChannelsLast))));
}

TEST(ConvolutionChoiceTest, IsAFunctionOfTheShape) {
    const ConvolutionShape inner{.in_channels = 128, .out_channels = 64, .size = 14};
    const ConvolutionShape image{.in_channels = 2, .out_channels = 64, .size = 28},
        score{.in_channels = 64, .out_channels = 1, .size = 28};
    const ConvolutionShape closing{.in_channels = 128, .out_channels = 64, .size = 14, .stride = 2};
    const ConvolutionShape projection{.in_channels = 64, .out_channels = 64, .size = 14, .kernel = 1};
    for (const ConvolutionShape& shape : {image, score, closing, projection}) {
        for (const Convolution choice : {Convolution::automatic, Convolution::direct, Convolution::winograd}) {
            EXPECT_FALSE(winograd_chosen(choice, shape));
        }
    }
    EXPECT_TRUE(winograd_chosen(Convolution::winograd, inner));
    EXPECT_FALSE(winograd_chosen(Convolution::direct, inner));
    EXPECT_EQ(winograd_chosen(Convolution::automatic, inner), winograd::runs_here(winograd::kAvx2Kernels));
}

TEST(ConvolutionTimingTest, TimesBothWaysOfAShape) {
    const ConvolutionTimes times = measure_convolution({.in_channels = 32, .out_channels = 16, .size = 7}, 2, 2);
    EXPECT_EQ(times.multiply_adds, 2 * 32 * 16 * 9 * 49);
    for (const OperationTimes& way : {times.direct, times.winograd}) {
        for (const double time : {way.output, way.x_gradient, way.kernel_gradient}) {
            EXPECT_GT(time, 0);
            EXPECT_TRUE(std::isfinite(time));
        }
    }
}

} // namespace
} // namespace dagan
