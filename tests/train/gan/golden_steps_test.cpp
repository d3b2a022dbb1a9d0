// Ten training steps of a small DAGAN with dropout, against the reference in golden/. Both have the
// same weights, batches and masks; losses, gradients, weights and renormalisation state must agree
// after every step. The module computes in float32, the reference in double.
#include "train/gan/wgan_gp.h"

#include "base/random.h"
#include "gang/group.h"
#include "train/gan/golden/plain_gan.h"
#include "train/random_images.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace dagan::train {
namespace {

constexpr int kGoldenSteps = 10;
constexpr uint64_t kStream = 21;

// float32 has a relative error of 6e-8. Sums of some thousand terms through twenty layers,
// differentiated twice, have errors of some 1e-5 of their largest term. A wrong mask, step, order
// or factor causes errors of the order of one.
constexpr double kLossTolerance = 1e-4, kGradientTolerance = 1e-3, kStateTolerance = 1e-4;
// With beta1 = 0 Adam moves a weight by about the learning rate, whatever the size of its gradient,
// so a weight whose gradient is rounding error may move in the opposite direction. Moves are
// therefore compared as means over a tensor (some have only four elements), per step, in units of
// the learning rate. A wrong beta, bias correction or order of steps causes errors of the order of
// one.
constexpr double kMoveTolerance = 5e-2;

GanOptions golden_options(PenaltyNorm norm) {
    GanOptions options;
    options.generator_widths = options.critic_widths = {3, 4, 5, 4};
    options.generator_inner = options.critic_inner = 1;
    options.z_dim = 6;
    options.critic_steps = 2;
    options.batch_size = 4;
    options.learning_rate = 1e-4;
    options.penalty_norm = norm;
    return options;
}

golden::Values values(const torch::Tensor& tensor) {
    const torch::Tensor flat = tensor.detach().to(torch::kDouble).contiguous();
    return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

golden::Named parameters(const torch::nn::Module& module) {
    golden::Named all;
    for (const auto& item : module.named_parameters()) all[item.key()] = values(item.value());
    return all;
}

golden::Named gradients(const torch::nn::Module& module) {
    golden::Named all;
    for (const auto& item : module.named_parameters())
        all[item.key()] = values(item.value().grad());
    return all;
}

golden::Named buffers(const torch::nn::Module& module) {
    golden::Named all;
    for (const auto& item : module.named_buffers()) all[item.key()] = values(item.value());
    return all;
}

double largest(const golden::Values& numbers) {
    double most = 0;
    for (const double number : numbers) most = std::max(most, std::abs(number));
    return most;
}

// Compares the elements of every tensor, with a tolerance relative to the tensor's largest element,
// or to 1 % of the network's largest if that is larger.
void expect_close(const golden::Named& actual, const golden::Named& expected, double tolerance) {
    double scale = 0;
    for (const auto& [name, numbers] : expected) scale = std::max(scale, largest(numbers));
    ASSERT_EQ(actual.size(), expected.size());
    for (const auto& [name, numbers] : expected) {
        const golden::Values& got = actual.at(name);
        ASSERT_EQ(got.size(), numbers.size()) << name;
        const double allowed = tolerance * std::max(largest(numbers), 1e-2 * scale);
        for (size_t i = 0; i < numbers.size(); ++i)
            EXPECT_NEAR(got[i], numbers[i], allowed) << name << " element " << i;
    }
}

// Compares the mean distance of each tensor's elements, in units of the learning rate.
void expect_same_moves(const golden::Named& actual, const golden::Named& expected,
                       double learning_rate, int steps) {
    for (const auto& [name, numbers] : expected) {
        double distance = 0;
        for (size_t i = 0; i < numbers.size(); ++i)
            distance += std::abs(actual.at(name)[i] - numbers[i]);
        distance /= static_cast<double>(numbers.size());
        EXPECT_LT(distance / (learning_rate * steps), kMoveTolerance) << name;
    }
}

class GoldenStepsTest : public testing::TestWithParam<PenaltyNorm> {
  protected:
    GoldenStepsTest()
        : plain_(shape(), parameters(gan_.generator()), buffers(gan_.generator()),
                 parameters(gan_.critic())) {
        at::set_num_threads(1);
    }
    static golden::Shape shape() {
        return {.batch = 4,
                .channels = 1,
                .size = kPixels,
                .z_dim = 6,
                .inner = 1,
                .widths = {3, 4, 5, 4}};
    }
    // The names of the dropout streams determine the results of campaigns and must not change.
    golden::Masks masks(const char* purpose, uint32_t s, uint32_t first = 0,
                        uint32_t stride = 1) const {
        return {.rate = options_.dropout,
                .key = derive(kStream, purpose),
                .step = s,
                .first = first,
                .stride = stride};
    }

    void critic_step(uint32_t s) {
        const GanBatch batch = gan_.draw_batch(s);
        gan_.step(s, {});
        golden::Named gradient;
        const golden::Values x = values(batch.x),
                             fake = plain_.fakes(x, values(batch.z), masks("dropout generator", s));
        const golden::CriticLosses expected = plain_.critic_gradient(
            x, values(batch.real), fake, values(batch.epsilon), options_.penalty_weight,
            GetParam() == PenaltyNorm::column, masks("dropout critic", s, 0, 2),
            masks("dropout critic", s, 1, 2), masks("dropout critic interpolates", s), gradient);
        const GanLosses losses = gan_.take_losses();
        EXPECT_NEAR(losses.critic_loss, expected.critic_loss,
                    kLossTolerance * std::abs(expected.critic_loss));
        EXPECT_NEAR(losses.penalty, expected.penalty, kLossTolerance * expected.penalty);
        EXPECT_NEAR(losses.wasserstein, expected.wasserstein,
                    kLossTolerance * std::max(1.0, std::abs(expected.wasserstein)));
        expect_close(gradients(gan_.critic()), gradient, kGradientTolerance);
        critic_adam_.step(plain_.critic(), gradient);
    }

    void generator_step(uint32_t s) {
        const GanBatch batch = gan_.draw_batch(s);
        gan_.step(s, {});
        golden::Named gradient;
        const double expected = plain_.generator_gradient(
            values(batch.x), values(batch.z), masks("dropout generator", s),
            masks("dropout critic generator step", s), gradient);
        EXPECT_NEAR(gan_.take_losses().generator_loss, expected,
                    kLossTolerance * std::max(1.0, std::abs(expected)));
        expect_close(gradients(gan_.generator()), gradient, kGradientTolerance);
        generator_adam_.step(plain_.generator(), gradient);
    }

    const GanOptions options_ = golden_options(GetParam());
    const data::Dataset data_ = random_images();
    const std::unique_ptr<gang::Group> group_ = gang::make_group_alone();
    WganGp gan_{options_, kStream, data_, {0, 1, 2}, *group_};
    golden::PlainGan plain_;
    golden::PlainAdam critic_adam_{options_.learning_rate, options_.beta1, options_.beta2},
        generator_adam_{options_.learning_rate, options_.beta1, options_.beta2};
};

TEST_P(GoldenStepsTest, TenStepsAgreeWithTheReferenceInLossesGradientsWeightsAndState) {
    int critic_steps = 0, generator_steps = 0;
    for (uint32_t s = 0; s < kGoldenSteps; ++s) {
        SCOPED_TRACE("step " + std::to_string(s));
        if (s % 3 == 2) {
            generator_step(s);
            ++generator_steps;
        } else {
            critic_step(s);
            ++critic_steps;
        }
        expect_same_moves(parameters(gan_.critic()), plain_.critic(), options_.learning_rate,
                          critic_steps);
        expect_same_moves(parameters(gan_.generator()), plain_.generator(), options_.learning_rate,
                          std::max(generator_steps, 1));
        expect_close(buffers(gan_.generator()), plain_.state(), kStateTolerance);
        if (HasFailure()) return;
    }
    EXPECT_EQ(critic_steps, 7);
    EXPECT_EQ(generator_steps, 3);
}

INSTANTIATE_TEST_SUITE_P(BothNorms, GoldenStepsTest,
                         testing::Values(PenaltyNorm::image, PenaltyNorm::column),
                         [](const auto& norm) { return to_string(norm.param); });

} // namespace
} // namespace dagan::train
