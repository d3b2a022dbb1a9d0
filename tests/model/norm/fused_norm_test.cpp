// The fused units against LibTorch's expressions in double: values, first and second derivatives,
// for several shapes.
#include "model/norm/fused_norm.h"

#include "model/norm/batch_norm.h"
#include "model/norm/batch_renorm.h"
#include "model/norm/layer_norm.h"

#include <gtest/gtest.h>

#include <functional>

namespace dagan::model {
namespace {

// Tolerance for sums of up to some ten thousand floats, compared with sums in double.
constexpr double kTolerance = 2e-5;
constexpr double kSlope = 0.2, kEpsilon = 1e-3;

using Tensors = std::vector<torch::Tensor>;

struct Shape {
    int64_t batch, channels, height, width;
};
std::ostream& operator<<(std::ostream& out, const Shape& s) {
    return out << s.batch << "x" << s.channels << "x" << s.height << "x" << s.width;
}

torch::Tensor channels_last(const torch::Tensor& x) {
    return x.contiguous(torch::MemoryFormat::ChannelsLast);
}

torch::Tensor leaf(const torch::Tensor& values, torch::ScalarType type) {
    return values.to(type).requires_grad_();
}

// Compares each element relative to the largest of its tensor.
void expect_close(const Tensors& actual, const Tensors& expected, const std::string& what) {
    ASSERT_EQ(actual.size(), expected.size()) << what;
    for (size_t i = 0; i < actual.size(); ++i) {
        ASSERT_EQ(actual[i].defined(), expected[i].defined()) << what << " " << i;
        if (!expected[i].defined()) continue;
        ASSERT_EQ(actual[i].sizes(), expected[i].sizes()) << what << " " << i;
        const double scale = std::max(expected[i].abs().max().item<double>(), 1e-3);
        EXPECT_LE((actual[i].to(torch::kDouble) - expected[i]).abs().max().item<double>(),
                  kTolerance * scale)
            << what << " " << i;
    }
}

// The results of a function of x, weight and bias [C]: y, the gradients of sum(y * g) with respect
// to all, and optionally the gradients of sum(dx * u) with respect to x, weight and g. As in the
// penalty, only dx is in the graph of the first derivative.
struct Derivatives {
    Tensors values, first, second;
};

class NormCase {
  public:
    explicit NormCase(const Shape& s) {
        torch::manual_seed(5);
        x = channels_last(torch::randn({s.batch, s.channels, s.height, s.width}) + 0.3);
        weight = torch::randn({s.channels}) + 1;
        bias = torch::randn({s.channels});
        g = torch::randn(x.sizes()); // not channels last
        u = torch::randn(x.sizes());
    }

    using Function = std::function<torch::Tensor(
        const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias)>;
    Derivatives derive(torch::ScalarType type, const Function& function, bool twice) const {
        const torch::Tensor a = leaf(x, type), w = leaf(weight, type), b = leaf(bias, type),
                            of_y = leaf(g, type);
        Derivatives found;
        found.values = {function(a, w, b).detach()};
        found.first = torch::autograd::grad({function(a, w, b)}, {a, w, b}, {of_y.detach()});
        if (!twice) return found;
        const Tensors dx =
            torch::autograd::grad({function(a, w, b)}, {a}, {of_y}, true, /*create_graph=*/true);
        found.second = torch::autograd::grad(dx, {a, w, of_y}, {u.to(type)});
        return found;
    }

    torch::Tensor x, weight, bias, g, u;
};

void expect_same(const Derivatives& actual, const Derivatives& expected) {
    expect_close(actual.values, expected.values, "values");
    expect_close(actual.first, expected.first, "first derivative");
    expect_close(actual.second, expected.second, "second derivative");
}

torch::Tensor fused_channel_norm(const torch::Tensor& x, const torch::Tensor& weight,
                                 const torch::Tensor& bias) {
    return leaky_channel_norm(x, kSlope, leaky_channel_moments(x.detach(), kSlope), weight, bias,
                              kEpsilon);
}

torch::Tensor plain_channel_norm(const torch::Tensor& x, const torch::Tensor& weight,
                                 const torch::Tensor& bias) {
    return at::batch_norm(at::leaky_relu(x, kSlope), weight, bias, {}, {}, true, 0.1, kEpsilon,
                          false);
}

class FusedNormTest : public testing::TestWithParam<Shape> {};

TEST_P(FusedNormTest, LayerNormHasTheValuesAndBothDerivativesOfItsExpression) {
    const NormCase one(GetParam());
    const auto of = [](auto* norm) {
        return
            [norm](const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
                return norm(x, kSlope, weight, bias, LayerNorm::kEpsilon);
            };
    };
    expect_same(one.derive(torch::kFloat, of(leaky_layer_norm), true),
                one.derive(torch::kDouble, of(layer_norm_expression), true));
}

TEST_P(FusedNormTest, ChannelNormHasTheValuesAndDerivativesOfItsExpression) {
    const NormCase one(GetParam());
    expect_same(one.derive(torch::kFloat, fused_channel_norm, true),
                one.derive(torch::kDouble, plain_channel_norm, true));
}

TEST_P(FusedNormTest, InferenceNormalisesByTheGivenMoments) {
    const NormCase one(GetParam());
    torch::manual_seed(6);
    const ChannelMoments moments{torch::randn_like(one.bias), torch::rand_like(one.bias) + 0.1};
    const auto doubled = [](const torch::Tensor& tensor) { return tensor.to(torch::kDouble); };
    const torch::Tensor expected = at::batch_norm(
        at::leaky_relu(doubled(one.x), kSlope), doubled(one.weight), doubled(one.bias),
        doubled(moments.mean), doubled(moments.variance), false, 0, kEpsilon, false);
    expect_close({leaky_channel_inference(one.x, kSlope, moments, one.weight, one.bias, kEpsilon)},
                 {expected}, "inference");
}

TEST_P(FusedNormTest, GivesTheSameBitsInEveryRun) {
    const NormCase one(GetParam());
    const auto layer = [](const torch::Tensor& x, const torch::Tensor& weight,
                          const torch::Tensor& bias) {
        return leaky_layer_norm(x, kSlope, weight, bias, LayerNorm::kEpsilon);
    };
    for (const NormCase::Function& function :
         {NormCase::Function(layer), NormCase::Function(fused_channel_norm)}) {
        const Derivatives first = one.derive(torch::kFloat, function, true),
                          again = one.derive(torch::kFloat, function, true);
        for (const auto part : {&Derivatives::values, &Derivatives::first, &Derivatives::second}) {
            for (size_t i = 0; i < (first.*part).size(); ++i)
                EXPECT_TRUE(torch::equal((first.*part)[i], (again.*part)[i]));
        }
    }
}

// Maps of the paper; odd sizes; fewer channels than a vector; one pixel; one channel.
INSTANTIATE_TEST_SUITE_P(Shapes, FusedNormTest,
                         testing::Values(Shape{4, 64, 28, 28}, Shape{3, 64, 14, 14},
                                         Shape{3, 128, 7, 7}, Shape{5, 128, 4, 4},
                                         Shape{32, 128, 2, 2}, Shape{2, 5, 3, 3},
                                         Shape{3, 7, 13, 5}, Shape{6, 33, 1, 1},
                                         Shape{2, 1, 17, 17}));

TEST(FusedNormTest, LayerNormOfASampleDoesNotDependOnTheOtherSamples) {
    const NormCase one({6, 16, 7, 7});
    const torch::Tensor all =
        leaky_layer_norm(one.x, kSlope, one.weight, one.bias, LayerNorm::kEpsilon);
    for (int64_t i = 0; i < 6; ++i) {
        const torch::Tensor alone = leaky_layer_norm(channels_last(one.x.narrow(0, i, 1)), kSlope,
                                                     one.weight, one.bias, LayerNorm::kEpsilon);
        EXPECT_TRUE(torch::equal(alone[0], all[i])) << i;
    }
}

TEST(FusedNormTest, SecondDerivativesIncludeTheParameters) {
    const NormCase one({3, 4, 5, 5});
    const auto second = [&](torch::ScalarType type, auto* norm) {
        const torch::Tensor x = leaf(one.x, type), weight = leaf(one.weight, type),
                            bias = leaf(one.bias, type);
        const torch::Tensor y = norm(x, kSlope, weight, bias, LayerNorm::kEpsilon);
        const Tensors first =
            torch::autograd::grad({y}, {x, weight, bias}, {one.g.to(type)}, true, true);
        return torch::autograd::grad({first[0], first[1]}, {x, weight},
                                     {one.u.to(type), one.bias.to(type)});
    };
    expect_close(second(torch::kFloat, leaky_layer_norm),
                 second(torch::kDouble, layer_norm_expression), "second");
}

TEST(FusedNormTest, FrozenParametersGetNoGradientButTheInputDoes) {
    const NormCase one({3, 4, 5, 5});
    const torch::Tensor x = leaf(one.x, torch::kFloat);
    leaky_layer_norm(x, kSlope, one.weight, one.bias, LayerNorm::kEpsilon).sum().backward();
    EXPECT_TRUE(x.grad().defined());
    EXPECT_FALSE(one.weight.grad().defined());
}

TEST(FusedNormTest, NanAndInfinityPropagate) {
    const NormCase one({2, 4, 5, 5});
    for (const double bad : {NAN, INFINITY}) {
        torch::Tensor x = one.x.clone();
        x[1][2][3][4] = bad;
        const torch::Tensor y =
            leaky_layer_norm(x, kSlope, one.weight, one.bias, LayerNorm::kEpsilon);
        EXPECT_TRUE(y[0].isfinite().all().item<bool>());
        EXPECT_FALSE(y[1].isfinite().all().item<bool>());
        const ChannelMoments moments = leaky_channel_moments(x, kSlope);
        EXPECT_FALSE(moments.variance[2].isfinite().item<bool>());
        EXPECT_TRUE(moments.variance[1].isfinite().item<bool>());
    }
}

TEST(FusedNormTest, LibTorchComputesMapsOfOtherLayouts) {
    const torch::Tensor x = channels_last(torch::randn({2, 8, 4, 4}));
    EXPECT_TRUE(fusable(x));
    EXPECT_FALSE(fusable(x.to(torch::kDouble)));
    EXPECT_FALSE(fusable(x.contiguous()));
    EXPECT_FALSE(fusable(x.narrow(1, 0, 3)));
    EXPECT_FALSE(fusable(x.flatten(1)));
}

// Compares a fused module in float with the same module in double by LibTorch: outputs and state
// after three steps, then inference.
template <class Module>
void expect_module_alike(
    const std::function<torch::Tensor(Module&, const torch::Tensor&, bool)>& forward,
    const std::function<Module()>& make) {
    Module fused = make(), plain = make();
    plain.to(torch::kDouble);
    torch::manual_seed(7);
    for (int step = 0; step < 3; ++step) {
        const torch::Tensor x = channels_last(torch::randn({4, 6, 7, 7}) * 2 + 0.5);
        expect_close({forward(fused, x, true).detach()},
                     {forward(plain, x.to(torch::kDouble), true).detach()}, "training");
        expect_close(fused.buffers(), plain.buffers(), "state");
    }
    const torch::NoGradGuard no_grad;
    const torch::Tensor x = channels_last(torch::randn({4, 6, 7, 7}));
    ASSERT_TRUE(fusable(x));
    expect_close({forward(fused, x, false)}, {forward(plain, x.to(torch::kDouble), false)},
                 "inference");
}

TEST(FusedNormTest, BatchRenormHasTheSameStateAsWithLibTorch) {
    expect_module_alike<BatchRenorm>(
        [](BatchRenorm& norm, const torch::Tensor& x, bool training) {
            return norm.forward(x, training, 2, kSlope);
        },
        [] { return BatchRenorm(6, {}); });
}

TEST(FusedNormTest, BatchNormHasTheSameStateAsWithLibTorch) {
    expect_module_alike<BatchNorm>([](BatchNorm& norm, const torch::Tensor& x,
                                      bool training) { return norm.forward(x, training, kSlope); },
                                   [] { return BatchNorm(6); });
}

} // namespace
} // namespace dagan::model
