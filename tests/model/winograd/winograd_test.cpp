// The Winograd convolution against LibTorch's in double: the three operations for each vector unit
// that this CPU supports, and the derivatives by autograd. The tolerance is 1e-4 of the largest
// value.
#include "model/winograd/winograd.h"

#include "model/convolution/convolution.h"
#include "model/convolution/convolution_timing.h"
#include "model/tensor/same_conv.h"
#include "model/tensors.h"

#include <cmath>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace dagan::model {
namespace {

constexpr double kRelativeError = 1e-4;

struct Shape {
    int64_t batch, in, out, height, width;
    int64_t stride = 1;
    std::vector<int64_t> parts = {};        // channels of each map; empty: one map
    std::optional<int64_t> resized_to = {}; // before the convolution

    winograd::Shape winograd() const {
        return {.map_height = height,
                .map_width = width,
                .height = resized_to.value_or(height),
                .width = resized_to.value_or(width),
                .stride = stride,
                .channels = parts.empty() ? std::vector{in} : parts};
    }
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
    return out << s.batch << " images, " << s.in << " -> " << s.out << " channels in "
               << s.winograd().channels.size() << " maps, " << s.height << " x " << s.width
               << " to " << s.winograd().height << " x " << s.winograd().width << ", stride "
               << s.stride;
}

// Sizes of the networks and odd sizes; numbers of channels that are and are not multiples of 16;
// batches with and without a smaller last chunk.
const std::vector<Shape> kShapes{
    {3, 16, 16, 28, 28},
    {2, 65, 64, 28, 28},
    {32, 33, 20, 14, 14},
    {3, 128, 64, 14, 14},
    {32, 66, 32, 7, 7},
    {1, 193, 128, 7, 7},
    {32, 257, 64, 4, 4},
    {3, 100, 31, 4, 4},
    {23, 20, 23, 4, 4},
    {32, 136, 48, 2, 2},
    {1, 17, 17, 1, 1},
    {3, 40, 24, 5, 5},
    {2, 31, 47, 13, 13},
    {1, 16, 95, 13, 5},
    {3, 24, 16, 3, 29},
    {1, 640, 128, 4, 4},
    {2, 24, 16, 2, 9},
    {3, 20, 18, 1, 2},
    // Stride 2: the sizes of the networks, 28 -> 14 -> 7 -> 4 -> 2 -> 1, and the other combinations
    // of tiles of 4, 3 and 2.
    {3, 64, 32, 28, 28, 2},
    {32, 33, 20, 14, 14, 2},
    {5, 130, 64, 7, 7, 2},
    {32, 66, 48, 4, 4, 2},
    {3, 40, 17, 2, 2, 2},
    {2, 17, 31, 1, 1, 2},
    {2, 31, 47, 13, 10, 2},
    {1, 16, 95, 3, 29, 2},
    {3, 24, 16, 5, 6, 2},
    {2, 20, 16, 11, 3, 2},
    // Several maps; one map as several blocks of channels, in several chunks of images.
    {7, 96, 32, 28, 28, 1, {64, 32}},
    {9, 150, 20, 28, 28, 2},
    {3, 64, 32, 14, 14, 1, {16, 48}},
    {2, 99, 20, 7, 7, 1, {17, 33, 16, 33}},
    {3, 81, 24, 4, 4, 2, {31, 50}},
    {2, 67, 16, 2, 2, 1, {16, 16, 35}},
    {5, 80, 40, 28, 28, 2, {64, 16}},
};

// x, kernel, bias and the gradient of the output, in double.
struct Case {
    torch::Tensor x, kernel, bias, gradient;

    Case(const Shape& s, uint64_t seed)
        : x(random_tensor({s.batch, s.in, s.height, s.width}, seed)),
          kernel(random_tensor({s.out, s.in, 3, 3}, seed + 1) * 0.1),
          bias(random_tensor({s.out}, seed + 2)),
          gradient(random_tensor(
              {s.batch, s.out, s.winograd().output_height(), s.winograd().output_width()},
              seed + 3)) {}
};

std::vector<torch::Tensor> cut(const torch::Tensor& x, const Shape& s) {
    return x.split_with_sizes(s.winograd().channels, 1);
}

// The convolution with TensorFlow's SAME padding, by LibTorch.
torch::Tensor reference_convolution(torch::Tensor x, const torch::Tensor& kernel,
                                    const torch::Tensor& bias, const Shape& shape) {
    const int64_t stride = shape.stride;
    if (shape.resized_to) x = resize_nearest(x, *shape.resized_to);
    const Padding rows = same_padding(x.size(2), 3, stride),
                  columns = same_padding(x.size(3), 3, stride);
    return at::conv2d(
        at::constant_pad_nd(x, {columns.before, columns.after, rows.before, rows.after}), kernel,
        bias, {stride, stride});
}

torch::Tensor floats(const torch::Tensor& values, bool channels_last = true) {
    const torch::Tensor cast = values.detach().to(torch::kFloat);
    return channels_last && cast.dim() == 4 ? cast.contiguous(torch::MemoryFormat::ChannelsLast)
                                            : cast;
}

testing::AssertionResult agrees(const torch::Tensor& actual, const torch::Tensor& expected) {
    const double scale = expected.abs().max().item<double>(),
                 error = largest_difference(actual, expected);
    if (error <= kRelativeError * scale) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "differs by " << error << ", the largest value being " << scale;
}

class WinogradKernelsTest : public testing::TestWithParam<const winograd::Kernels*> {
  protected:
    void SetUp() override {
        if (!winograd::supported_by_cpu(*GetParam()))
            GTEST_SKIP() << "this CPU has no " << GetParam()->name;
    }
};

TEST_P(WinogradKernelsTest, ComputeTheConvolutionAndItsGradients) {
    for (const Shape& shape : kShapes) {
        Case c(shape, 7);
        c.x.requires_grad_();
        c.kernel.requires_grad_();
        const torch::Tensor expected = reference_convolution(c.x, c.kernel, c.bias, shape);
        const auto gradients = torch::autograd::grad({expected}, {c.x, c.kernel}, {c.gradient});
        const winograd::Arguments arguments{cut(floats(c.x), shape), floats(c.kernel),
                                            floats(c.gradient), floats(c.bias)};
        const auto compute = [&](const winograd::ResultMask& mask) {
            return winograd::compute(shape.winograd(), arguments, mask, *GetParam());
        };
        const winograd::Results together =
            compute({.output = true, .x_gradient = true, .kernel_gradient = true});
        EXPECT_TRUE(agrees(together.output, expected)) << shape;
        EXPECT_TRUE(agrees(at::cat(together.x_gradient, 1), gradients[0])) << shape;
        EXPECT_TRUE(agrees(together.kernel_gradient, gradients[1])) << shape;
        EXPECT_TRUE(torch::equal(compute({.output = true}).output, together.output)) << shape;
        const winograd::Results alone = compute({.x_gradient = true});
        for (size_t i = 0; i < alone.x_gradient.size(); ++i)
            EXPECT_TRUE(torch::equal(alone.x_gradient[i], together.x_gradient[i])) << shape;

        winograd::Arguments adding = arguments;
        adding.kernel_gradient_sum = floats(random_tensor(c.kernel.sizes(), 11));
        const torch::Tensor expected_sum =
            adding.kernel_gradient_sum + compute({.kernel_gradient = true}).kernel_gradient;
        winograd::compute(shape.winograd(), adding, {.kernel_gradient = true}, *GetParam());
        EXPECT_LE(largest_difference(adding.kernel_gradient_sum, expected_sum),
                  1e-6 * expected_sum.abs().max().item<double>())
            << shape;
    }
}

INSTANTIATE_TEST_SUITE_P(VectorUnits, WinogradKernelsTest,
                         testing::Values(&winograd::kAvx512Kernels, &winograd::kAvx2Kernels,
                                         &winograd::kPortableKernels),
                         [](const auto& unit) { return std::string(unit.param->name); });

// All first derivatives of e . (x * g + b) with respect to x, g and e, and the derivatives of h .
// (first derivatives).
std::vector<torch::Tensor>
derivatives(const std::function<torch::Tensor(const std::vector<torch::Tensor>&)>& convolve,
            std::vector<torch::Tensor> at, const std::vector<torch::Tensor>& along) {
    for (torch::Tensor& value : at) value = value.detach().requires_grad_();
    const torch::Tensor &x = at[0], &kernel = at[1], &bias = at[2], &gradient = at[3];
    const torch::Tensor y = convolve(at);
    const std::vector<torch::Tensor> first =
        torch::autograd::grad({y}, {x, kernel, bias}, {gradient}, true, /*create_graph=*/true);
    std::vector<torch::Tensor> all{y};
    all.insert(all.end(), first.begin(), first.end());
    for (const std::vector<size_t>& terms :
         {std::vector<size_t>{0}, {1}, {0, 1}}) { // {0} as in the penalty
        torch::Tensor sum = torch::zeros({}, y.options());
        for (const size_t i : terms) sum = sum + (first[i] * along[i]).sum();
        for (const torch::Tensor& second :
             torch::autograd::grad({sum}, {x, kernel, gradient}, {}, true, false, true)) {
            if (second.defined()) all.push_back(second);
        }
    }
    return all;
}

void expect_derivatives(const Shape& shape, bool winograd, bool channels_last) {
    const Case c(shape, 11);
    const auto reference = [&](const std::vector<torch::Tensor>& v) {
        return reference_convolution(v[0], v[1], v[2], shape);
    };
    const auto ours = [&](const std::vector<torch::Tensor>& v) {
        return convolution_3x3(cut(v[0], shape), v[1], v[2],
                               {shape.stride, winograd, shape.resized_to});
    };
    const std::vector<torch::Tensor> at{c.x, c.kernel, c.bias, c.gradient};
    const std::vector<torch::Tensor> along{random_tensor(c.x.sizes(), 3),
                                           random_tensor(c.kernel.sizes(), 4)};
    std::vector<torch::Tensor> at_floats, along_floats;
    for (const torch::Tensor& value : at) at_floats.push_back(floats(value, channels_last));
    for (const torch::Tensor& value : along) along_floats.push_back(floats(value, channels_last));
    const auto expected = derivatives(reference, at, along),
               actual = derivatives(ours, at_floats, along_floats);
    ASSERT_EQ(actual.size(), expected.size());
    ASSERT_EQ(actual.size(), 4 + 2 + 2 + 3);
    for (size_t i = 0; i < expected.size(); ++i)
        EXPECT_TRUE(agrees(actual[i], expected[i])) << shape << ", derivative " << i;
}

TEST(ConvolutionTest, ValuesFirstAndSecondDerivativesByWinogradAgreeWithDouble) {
    for (const Shape& shape : kShapes) {
        if (shape.batch * shape.in * shape.out * shape.height * shape.width < 40'000'000)
            expect_derivatives(shape, true, true);
    }
    for (const int64_t stride : {1, 2}) {
        expect_derivatives({3, 48, 32, 14, 14, stride}, true, /*channels_last=*/false);
        // Narrow maps are joined with their neighbours.
        expect_derivatives({3, 70, 32, 14, 14, stride, {1, 48, 8, 12, 1}}, true, true);
    }
}

TEST(ConvolutionTest, ValuesFirstAndSecondDerivativesOfTheDirectMethodAgreeWithDouble) {
    for (const bool channels_last : {false, true}) {
        for (const int64_t stride : {1, 2}) {
            expect_derivatives({3, 20, 16, 14, 14, stride}, false, channels_last);
            expect_derivatives({2, 2, 16, 7, 7, stride}, false, channels_last);
            expect_derivatives({2, 64, 1, 4, 7, stride, {1, 40, 23}}, false, channels_last);
            expect_derivatives({2, 64, 1, 4, 4, stride, {}, 7}, false, channels_last);
        }
    }
}

// Both gradients, each differentiated again: d/d(kernel, e) of the square of d/d(kernel) of the
// square of d/dx of <e, x * k>.
std::vector<torch::Tensor> third_derivatives(
    const std::function<torch::Tensor(const torch::Tensor&, const torch::Tensor&)>& convolve,
    const torch::Tensor& x, const torch::Tensor& k, const torch::Tensor& e) {
    for (const torch::Tensor& value : {x, k, e}) value.requires_grad_();
    const auto again = [](const torch::Tensor& value, const torch::Tensor& by) {
        return torch::autograd::grad({value.square().sum()}, {by}, {}, /*retain_graph=*/true,
                                     /*create_graph=*/true)[0];
    };
    const torch::Tensor by_x =
        torch::autograd::grad({(convolve(x, k) * e).sum()}, {x}, {}, true, true)[0];
    const torch::Tensor by_kernel = again(by_x, k);
    return {by_kernel, again(by_kernel, k), again(by_kernel, e)};
}

TEST(ConvolutionTest, ThirdDerivativesAgreeWithDouble) {
    const Case c({2, 17, 16, 6, 6}, 29);
    const auto zeros = [](const torch::Tensor& kernel) {
        return torch::zeros({kernel.size(0)}, kernel.options());
    };
    const auto expected =
        third_derivatives([&](const torch::Tensor& x,
                              const torch::Tensor& k) { return at::conv2d(x, k, zeros(k), 1, 1); },
                          c.x.clone(), c.kernel.clone(), c.gradient.clone());
    for (const bool winograd : {false, true}) {
        const auto actual = third_derivatives(
            [&](const torch::Tensor& x, const torch::Tensor& k) {
                return convolution_3x3({x}, k, zeros(k), {1, winograd});
            },
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
    for (const Shape& shape : {Shape{5, 65, 64, 14, 14}, Shape{32, 257, 64, 4, 4},
                               Shape{9, 80, 48, 14, 14, 2, {33, 47}}}) {
        const Case c(shape, 13);
        const winograd::Arguments arguments{cut(floats(c.x), shape), floats(c.kernel),
                                            floats(c.gradient), floats(c.bias)};
        std::vector<winograd::Results> results;
        for (const int threads : {1, 2, 3}) {
            at::set_num_threads(threads);
            results.push_back(winograd::compute(shape.winograd(), arguments, {true, true, true}));
        }
        for (const winograd::Results& r : results) {
            EXPECT_TRUE(torch::equal(r.output, results[0].output)) << shape;
            EXPECT_TRUE(torch::equal(at::cat(r.x_gradient, 1), at::cat(results[0].x_gradient, 1)))
                << shape;
            EXPECT_TRUE(torch::equal(r.kernel_gradient, results[0].kernel_gradient)) << shape;
        }
    }
}

TEST(WinogradTest, AnImageGivesTheSameBitsAtEveryPlaceInTheBatch) {
    for (const Shape& shape :
         {Shape{11, 65, 64, 14, 14}, Shape{32, 257, 48, 4, 4}, Shape{11, 70, 48, 14, 14, 2}}) {
        const Case c(shape, 17);
        const torch::Tensor x = floats(c.x), kernel = floats(c.kernel),
                            gradient = floats(c.gradient);
        const auto compute = [&](const torch::Tensor& maps, const torch::Tensor& gradients) {
            return winograd::compute(shape.winograd(), {{maps}, kernel, gradients, floats(c.bias)},
                                     {.output = true, .x_gradient = true});
        };
        const winograd::Results whole = compute(x, gradient);
        for (const int64_t i : {int64_t{0}, shape.batch / 2, shape.batch - 1}) {
            const winograd::Results one = compute(x.narrow(0, i, 1), gradient.narrow(0, i, 1));
            EXPECT_TRUE(torch::equal(one.output, whole.output.narrow(0, i, 1)))
                << shape << ", image " << i;
            EXPECT_TRUE(torch::equal(one.x_gradient[0], whole.x_gradient[0].narrow(0, i, 1)))
                << shape << ", image " << i;
        }
    }
}

// If maps end with a full panel of 16 channels, joining them changes only the speed.
TEST(WinogradTest, SeveralMapsGiveTheSameBitsAsOne) {
    const Shape parts{5, 98, 40, 14, 14, 1, {32, 16, 50}};
    for (const int64_t stride : {1, 2}) {
        Shape several = parts, one = parts;
        several.stride = one.stride = stride;
        one.parts = {};
        const Case c(several, 19);
        const auto compute = [&](const Shape& shape) {
            const winograd::Arguments arguments{cut(floats(c.x), shape), floats(c.kernel),
                                                floats(c.gradient), floats(c.bias)};
            return winograd::compute(shape.winograd(), arguments, {true, true, true});
        };
        const winograd::Results a = compute(several), b = compute(one);
        EXPECT_TRUE(torch::equal(a.output, b.output)) << several;
        EXPECT_TRUE(torch::equal(at::cat(a.x_gradient, 1), b.x_gradient[0])) << several;
        EXPECT_TRUE(torch::equal(a.kernel_gradient, b.kernel_gradient)) << several;
    }
}

// A classifier's flag: it is not a full map and needs no gradient.
TEST(ConvolutionTest, ConstantChannelsGiveTheSameResultsAsWholeMaps) {
    for (const int64_t stride : {1, 2}) {
        const Shape shape{5, 69, 40, 14, 14, stride, {33, 34, 2}};
        const Case c(shape, 31);
        const std::vector<torch::Tensor> parts = cut(floats(c.x), shape);
        const torch::Tensor flags = floats(random_tensor({5, 2, 1, 1}, 37));
        const auto derivatives = [&](const torch::Tensor& flag, bool winograd) {
            const torch::Tensor first = parts[0].detach().requires_grad_(),
                                second = parts[1].detach().requires_grad_(),
                                kernel = floats(c.kernel).requires_grad_();
            const torch::Tensor y =
                convolution_3x3({first, second, flag}, kernel, floats(c.bias), {stride, winograd});
            std::vector<torch::Tensor> all = torch::autograd::grad(
                {y}, {first, second, kernel}, {floats(c.gradient)}, true, /*create_graph=*/true);
            for (const torch::Tensor& again :
                 torch::autograd::grad({all[0].square().sum()}, {kernel}))
                all.push_back(again);
            all.push_back(y);
            return all;
        };
        const auto whole = derivatives(flags.expand({5, 2, 14, 14}), true);
        for (const bool winograd : {true, false}) {
            const auto one = derivatives(flags, winograd);
            ASSERT_EQ(one.size(), 5);
            for (size_t i = 0; i < one.size(); ++i)
                EXPECT_TRUE(agrees(one[i], whole[i])) << "stride " << stride << ", " << i;
        }
    }
}

TEST(WinogradTest, ReadsAChannelSliceOfALargerMapInPlace) {
    const Shape shape{3, 40, 24, 7, 7};
    const Case c(shape, 19);
    const torch::Tensor larger = floats(random_tensor({3, 64, 7, 7}, 23));
    const torch::Tensor part = larger.narrow(1, 5, 40);
    const auto output = [&](const torch::Tensor& x) {
        return winograd::compute(shape.winograd(), {{x}, floats(c.kernel), {}, {}},
                                 {.output = true})
            .output;
    };
    EXPECT_TRUE(torch::equal(output(part), output(part.clone(torch::MemoryFormat::ChannelsLast))));
}

TEST(ConvolutionChoiceTest, DependsOnlyOnTheShape) {
    const ConvolutionShape inner{.in_channels = 128, .out_channels = 64, .size = 14};
    const ConvolutionShape image{.in_channels = 2, .out_channels = 64, .size = 28},
        score{.in_channels = 64, .out_channels = 1, .size = 28};
    const ConvolutionShape closing{.in_channels = 128, .out_channels = 64, .size = 14, .stride = 2};
    const ConvolutionShape projection{
        .in_channels = 64, .out_channels = 64, .size = 14, .kernel = 1};
    for (const ConvolutionShape& shape : {image, score, projection}) {
        for (const Convolution choice :
             {Convolution::automatic, Convolution::direct, Convolution::winograd}) {
            EXPECT_FALSE(winograd_selected(choice, shape));
        }
    }
    for (const ConvolutionShape& shape : {inner, closing}) {
        EXPECT_TRUE(winograd_selected(Convolution::winograd, shape));
        EXPECT_FALSE(winograd_selected(Convolution::direct, shape));
        EXPECT_EQ(winograd_selected(Convolution::automatic, shape),
                  winograd::supported_by_cpu(winograd::kAvx2Kernels));
    }
}

TEST(ConvolutionTimingTest, TimesBothMethodsForAShape) {
    for (const int64_t stride : {1, 2}) {
        const ConvolutionTimes times = measure_convolution(
            {.in_channels = 32, .out_channels = 16, .size = 7, .stride = stride}, 2, 2);
        EXPECT_EQ(times.multiply_adds, 2 * 32 * 16 * 9 * (stride == 1 ? 49 : 16));
        for (const OperationTimes& way : {times.direct, times.winograd}) {
            for (const double time : {way.output, way.x_gradient, way.kernel_gradient}) {
                EXPECT_GT(time, 0);
                EXPECT_TRUE(std::isfinite(time));
            }
        }
    }
}

} // namespace
} // namespace dagan::model
