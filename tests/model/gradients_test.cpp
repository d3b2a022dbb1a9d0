// docs/reference/model.md, check 12: the gradients of the penalty and of L_D with respect to the
// critic's weights, and of L_G with respect to the generator's, against central differences in
// double; dropout off, inner 1, 16 x 16.
#include "model/losses.h"
#include "model/networks.h"
#include "tensors.h"

#include <cmath>
#include <functional>
#include <optional>
#include <string>

namespace dagan::model {
namespace {

GanOptions small_options() {
    GanOptions options;
    options.generator_widths = options.critic_widths = {4, 5, 6, 7};
    options.generator_inner = options.critic_inner = 1;
    options.dropout = 0;
    options.z_dim = 5;
    return options;
}

const Pass kTraining{.training = true};

using Loss = std::function<double()>;

constexpr double kStep = 1e-5, kRelativeError = 1e-5;
// The rounding error of a difference of losses of order 10, divided by 2e-5.
constexpr double kRounding = 1e-9;

// Returns the derivative of the loss with respect to an element of the parameter; nullopt if an
// activation is within the step of its kink, where the loss is not smooth and two step sizes
// disagree. The decision uses only the loss, never the gradient under test.
std::optional<double> central_difference(const Loss& loss, torch::Tensor parameter,
                                         int64_t element) {
    const torch::NoGradGuard no_grad;
    double* value = parameter.data_ptr<double>() + element;
    const double at = *value;
    const auto slope = [&](double step) {
        *value = at + step;
        const double above = loss();
        *value = at - step;
        const double below = loss();
        *value = at;
        return (above - below) / (2 * step);
    };
    const double slopes[]{slope(kStep), slope(3 * kStep)};
    if (std::abs(slopes[0] - slopes[1]) > kRelativeError * std::abs(slopes[0]) + kRounding)
        return std::nullopt;
    return slopes[0];
}

// Compares the gradients that backward() stored with central differences, for `per_tensor` random
// elements of every parameter.
void expect_gradients(torch::nn::Module& module, const Loss& loss, int per_tensor, uint64_t seed) {
    int compared = 0;
    for (const auto& item : module.named_parameters()) {
        const torch::Tensor parameter = item.value(), gradient = parameter.grad();
        ASSERT_TRUE(gradient.defined()) << item.key();
        Random random(derive(seed, item.key()));
        int done = 0;
        for (int draw = 0; done < per_tensor && draw < 5 * per_tensor; ++draw) {
            const auto element =
                static_cast<int64_t>(random.below(static_cast<uint64_t>(parameter.numel())));
            const std::optional<double> expected = central_difference(loss, parameter, element);
            if (!expected) continue;
            const double actual = gradient.flatten()[element].item<double>();
            EXPECT_NEAR(actual, *expected, kRelativeError * std::abs(*expected) + kRounding)
                << item.key() << " element " << element << ", seed " << seed;
            ++done;
        }
        EXPECT_GT(done, 0) << item.key() << ": every draw lies on a kink, seed " << seed;
        compared += done;
    }
    testing::Test::RecordProperty("compared", compared);
}

class CriticGradientTest : public testing::TestWithParam<PenaltyNorm> {
  protected:
    CriticGradientTest() {
        critic.to(torch::kDouble);
        perturb(critic, 0.05, 100);
    }
    torch::Tensor penalty() { return gradient_penalty(score, x, real, fake, epsilon, GetParam()); }
    torch::Tensor loss() { return score(x, fake).mean() - score(x, real).mean() + 10 * penalty(); }
    // Finite differences need only values, but the penalty needs a graph.
    static double value(const torch::Tensor& tensor) { return tensor.item<double>(); }

    Critic critic{small_options(), 1, 16, 1};
    const CriticFunction score = [this](const torch::Tensor& a, const torch::Tensor& b) {
        return critic.forward(a, b, kTraining);
    };
    const torch::Tensor x = random_images({2, 1, 16, 16}, 1),
                        real = random_images({2, 1, 16, 16}, 2),
                        fake = random_images({2, 1, 16, 16}, 3);
    const torch::Tensor epsilon = torch::tensor({0.3, 0.8}, torch::kDouble);
};

TEST_P(CriticGradientTest, OfThePenaltyEqualsCentralDifferences) {
    penalty().backward();
    // The last bias does not affect the penalty: no gradient counts as 0.
    torch::Tensor last_bias = critic.named_parameters()["head.dense2.bias"];
    if (!last_bias.grad().defined()) last_bias.mutable_grad() = torch::zeros_like(last_bias);
    expect_gradients(
        critic,
        [&] {
            const torch::AutoGradMode graph(true);
            return value(penalty());
        },
        4, 11);
}

TEST_P(CriticGradientTest, OfTheCriticLossEqualsCentralDifferences) {
    loss().backward();
    expect_gradients(
        critic,
        [&] {
            const torch::AutoGradMode graph(true);
            return value(loss());
        },
        4, 12);
}

INSTANTIATE_TEST_SUITE_P(BothNorms, CriticGradientTest,
                         testing::Values(PenaltyNorm::image, PenaltyNorm::column),
                         [](const auto& norm) { return to_string(norm.param); });

// With `norm: batch` r and d are constant, so finite differences measure the same gradient. (With
// renorm the gradient treats r and d as constants although they vary; batch_renorm_test.cpp checks
// that.)
TEST(GeneratorGradientTest, OfTheGeneratorLossEqualsCentralDifferences) {
    GanOptions options = small_options();
    options.norm = Norm::batch;
    Generator generator(options, 1, 16, 1);
    Critic critic(options, 1, 16, 2);
    generator.to(torch::kDouble);
    critic.to(torch::kDouble);
    perturb(generator, 0.05, 200);
    const torch::Tensor x = random_images({3, 1, 16, 16}, 1), z = random_tensor({3, 5}, 2);
    const auto loss = [&] {
        return -critic.forward(x, generator.forward(x, z, kTraining), kTraining).mean();
    };
    loss().backward();
    expect_gradients(
        generator, [&] { return loss().item<double>(); }, 2, 13);
}

TEST(ClassifierGradientTest, OfTheCrossEntropyEqualsCentralDifferences) {
    for (const ClassifierArch reading : {ClassifierArch::lineage, ClassifierArch::huang}) {
        ClassifierOptions options;
        options.reading = reading;
        options.growth = 4;
        options.dropout = 0;
        Classifier classifier(options, 1, 16, 3, 1);
        classifier.to(torch::kDouble);
        perturb(classifier, 0.05, 300);
        const torch::Tensor images = random_images({4, 1, 16, 16}, 1),
                            real = torch::tensor({1.0, 0.0, 1.0, 0.0}, torch::kDouble);
        const torch::Tensor labels = torch::tensor({0, 1, 2, 1}, torch::kLong);
        const auto loss = [&] {
            return torch::nn::functional::cross_entropy(classifier.forward(images, real, kTraining),
                                                        labels);
        };
        loss().backward();
        expect_gradients(
            classifier, [&] { return loss().item<double>(); }, 2, 14);
    }
}

} // namespace
} // namespace dagan::model
