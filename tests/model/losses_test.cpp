// Losses computed by hand: docs/reference/model.md, checks 10, 11 and 13.
#include "model/losses.h"

#include "tensors.h"

namespace dagan::model {
namespace {

// B x 1 x 1 x 2
torch::Tensor pairs(const std::vector<std::array<double, 2>>& values) {
    const torch::Tensor tensor =
        torch::empty({static_cast<int64_t>(values.size()), 1, 1, 2}, torch::kDouble);
    for (size_t i = 0; i < values.size(); ++i) {
        for (size_t j = 0; j < 2; ++j)
            tensor[static_cast<int64_t>(i)][0][0][static_cast<int64_t>(j)] = values[i][j];
    }
    return tensor;
}

torch::Tensor pixel(const torch::Tensor& x, int64_t j) { return x.select(3, j).flatten(); }

struct CriticLoss {
    torch::Tensor penalty, total;
};

CriticLoss critic_loss(const CriticFunction& critic, const torch::Tensor& x,
                       const torch::Tensor& real, const torch::Tensor& fake,
                       const torch::Tensor& epsilon, PenaltyNorm norm) {
    const torch::Tensor penalty = gradient_penalty(critic, x, real, fake, epsilon, norm);
    return {penalty, critic(x, fake).mean() - critic(x, real).mean() + 10 * penalty};
}

TEST(LossTest, LinearCriticGivesTheLossesComputedByHand) {
    const CriticFunction critic = [](const torch::Tensor& x, const torch::Tensor& y) {
        return 3 * pixel(y, 0) + 4 * pixel(y, 1) - pixel(x, 0);
    };
    const torch::Tensor x = pairs({{1, 0}, {0, 1}}), real = pairs({{0, 1}, {1, 0}}),
                        fake = pairs({{1, 1}, {0, 0.5}});
    const torch::Tensor epsilon = torch::tensor({0.25, 0.75}, torch::kDouble);
    EXPECT_DOUBLE_EQ(critic(x, real).mean().item<double>(), 3);
    EXPECT_DOUBLE_EQ(critic(x, fake).mean().item<double>(), 4);
    const CriticLoss image = critic_loss(critic, x, real, fake, epsilon, PenaltyNorm::image);
    EXPECT_NEAR(image.penalty.item<double>(), 16, 1e-10);
    EXPECT_NEAR(image.total.item<double>(), 161, 1e-9);
    const CriticLoss column = critic_loss(critic, x, real, fake, epsilon, PenaltyNorm::column);
    EXPECT_NEAR(column.penalty.item<double>(), 6.5, 1e-10);
    EXPECT_NEAR(column.total.item<double>(), 66, 1e-9);
}

TEST(LossTest, QuadraticCriticGivesLossAndWeightGradientComputedByHand) {
    struct {
        PenaltyNorm norm;
        double penalty, loss, gradient;
    } const cases[]{{PenaltyNorm::image, 2.25, 35, 87.5}, {PenaltyNorm::column, 0.625, 18.75, 40}};
    for (const auto& c : cases) {
        const torch::Tensor theta = torch::ones({}, torch::kDouble).requires_grad_();
        const CriticFunction critic = [&](const torch::Tensor&, const torch::Tensor& y) {
            return 0.5 * theta * y.square().sum({1, 2, 3});
        };
        const torch::Tensor real = pairs({{0, 0}}), fake = pairs({{3, 4}}),
                            epsilon = torch::tensor({0.5}, torch::kDouble);
        const CriticLoss loss = critic_loss(critic, real, real, fake, epsilon, c.norm);
        loss.total.backward();
        EXPECT_NEAR(loss.penalty.item<double>(), c.penalty, 1e-10);
        EXPECT_NEAR(loss.total.item<double>(), c.loss, 1e-9);
        EXPECT_NEAR(theta.grad().item<double>(), c.gradient, 1e-9);
    }
}

// C = 2, H = 2, W = 3: the column norms are over H only, one per channel and column.
TEST(LossTest, ColumnNormsSumOverTheRowsOfEachChannelAndColumn) {
    const torch::Tensor weight = random_tensor({1, 2, 2, 3}, 1);
    const CriticFunction critic = [&](const torch::Tensor&, const torch::Tensor& y) {
        return (weight * y).sum({1, 2, 3});
    };
    double expected = 0, squares = 0;
    for (int c = 0; c < 2; ++c) {
        for (int j = 0; j < 3; ++j) {
            const double a = weight[0][c][0][j].item<double>(),
                         b = weight[0][c][1][j].item<double>();
            expected += std::pow(std::sqrt(a * a + b * b) - 1, 2) / 6;
            squares += a * a + b * b;
        }
    }
    const torch::Tensor x = random_images({2, 2, 2, 3}, 2),
                        epsilon = torch::tensor({0.1, 0.9}, torch::kDouble);
    EXPECT_NEAR(gradient_penalty(critic, x, x, x, epsilon, PenaltyNorm::column).item<double>(),
                expected, 1e-10);
    EXPECT_NEAR(gradient_penalty(critic, x, x, x, epsilon, PenaltyNorm::image).item<double>(),
                std::pow(std::sqrt(squares) - 1, 2), 1e-10);
}

TEST(LossTest, SecondDerivativeIsFiniteWhereTheGradientVanishes) {
    for (const PenaltyNorm norm : {PenaltyNorm::image, PenaltyNorm::column}) {
        const torch::Tensor theta = torch::ones({}, torch::kDouble).requires_grad_();
        const CriticFunction critic = [&](const torch::Tensor&, const torch::Tensor& y) {
            return 0.5 * theta * y.square().sum({1, 2, 3});
        };
        const torch::Tensor zero = pairs({{0, 0}});
        gradient_penalty(critic, zero, zero, zero, torch::zeros({1}, torch::kDouble), norm)
            .backward();
        EXPECT_TRUE(theta.grad().isfinite().all().item<bool>());
    }
}

TEST(LossTest, EachSampleIsMixedWithItsOwnEpsilon) {
    const torch::Tensor real = random_images({3, 1, 2, 2}, 1),
                        fake = random_images({3, 1, 2, 2}, 2);
    const torch::Tensor mixed =
        interpolate(real, fake, torch::tensor({0.0, 1.0, 0.25}, torch::kDouble));
    EXPECT_TRUE(torch::equal(mixed[0], real[0]));
    EXPECT_TRUE(torch::equal(mixed[1], fake[1]));
    EXPECT_LT(largest_difference(mixed[2], real[2] + 0.25 * (fake[2] - real[2])), 1e-15);
}

TEST(LossTest, OnlyTheCriticReceivesAGradientFromThePenalty) {
    const torch::Tensor theta = torch::ones({}, torch::kDouble).requires_grad_();
    const CriticFunction critic = [&](const torch::Tensor& x, const torch::Tensor& y) {
        return (theta * (y.square() + x.square() * y)).sum({1, 2, 3});
    };
    torch::Tensor x = random_images({2, 1, 2, 2}, 1).requires_grad_(),
                  real = random_images({2, 1, 2, 2}, 2).requires_grad_();
    torch::Tensor fake = random_images({2, 1, 2, 2}, 3).requires_grad_(),
                  epsilon = torch::tensor({0.3, 0.6}, torch::kDouble).requires_grad_();
    gradient_penalty(critic, x, real, fake, epsilon, PenaltyNorm::image).backward();
    EXPECT_TRUE(theta.grad().defined());
    for (const torch::Tensor& input : {x, real, fake, epsilon})
        EXPECT_FALSE(input.grad().defined());
}

} // namespace
} // namespace dagan::model
