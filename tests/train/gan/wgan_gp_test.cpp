#include "train/gan/wgan_gp.h"

#include "base/error.h"
#include "model/losses.h"
#include "support/fake_group.h"
#include "train/tiny.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <numeric>

namespace dagan::train {
namespace {

constexpr uint64_t kStream = 5;
// Float sums in another order differ by some 1e-6 of the largest gradient. A wrong mask, slice or
// scale causes errors of the order of one.
constexpr double kOrderTolerance = 1e-4;

std::vector<int> classes() { return {0, 1, 2, 3, 4, 5}; }

double relative_difference(const torch::Tensor& a, const torch::Tensor& b) {
    return ((a - b).abs().max() / b.abs().max()).item<double>();
}

// A trainer of one member, or one member of a gang.
struct Trainer {
    explicit Trainer(gang::Group& group, const GanOptions& options = tiny::gan_options(),
                     int norm_groups = 1)
        : data(tiny::dataset()), gan(options, kStream, data, classes(), group, norm_groups) {}
    data::Dataset data;
    WganGp gan;
};

// Returns the critic's gradient of step s with given weights, averaged over the gang.
torch::Tensor critic_gradient(gang::Group& group, const GanOptions& options, uint32_t s) {
    at::set_num_threads(1);
    Trainer trainer(group, options);
    const GanBatch batch = trainer.gan.draw_batch(s);
    // Rotated real images serve as x~, so that batch renormalisation has no effect.
    trainer.gan.accumulate_critic_gradient(batch, batch.x.flip(2), s);
    group.all_reduce_mean(trainer.gan.critic_parameters().reduced());
    return trainer.gan.critic_parameters().gradients().clone();
}

torch::Tensor generator_gradient(gang::Group& group, const GanOptions& options, uint32_t s,
                                 int norm_groups) {
    at::set_num_threads(1);
    Trainer trainer(group, options, norm_groups);
    trainer.gan.accumulate_generator_gradient(trainer.gan.draw_batch(s), s);
    group.all_reduce_mean(trainer.gan.generator_parameters().reduced());
    return trainer.gan.generator_parameters().gradients().clone();
}

torch::Tensor of_gang(int size, const std::function<torch::Tensor(gang::Group&)>& compute) {
    torch::Tensor first;
    run_gang(size, [&](gang::Group& group) {
        const torch::Tensor mine = compute(group);
        if (group.rank() == 0) first = mine;
    });
    return first;
}

TEST(FlatParametersTest, ParametersKeepTheirValuesAndBecomeAlignedViews) {
    const auto group = gang::make_group_alone();
    torch::nn::Linear linear(3, 5);
    const torch::Tensor weight = linear->weight.detach().clone(),
                        bias = linear->bias.detach().clone();
    FlatParameters flat(*linear, *group, 2);
    EXPECT_TRUE(torch::equal(linear->weight, weight));
    EXPECT_TRUE(torch::equal(linear->bias, bias));
    EXPECT_EQ(flat.values().numel() % 16, 0);
    EXPECT_EQ(flat.reduced().size(), static_cast<size_t>(flat.values().numel() + 2));
    for (const torch::Tensor& parameter : linear->parameters()) {
        EXPECT_EQ(reinterpret_cast<uintptr_t>(parameter.data_ptr()) % 64, 0U);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(parameter.grad().data_ptr()) % 64, 0U);
    }
    {
        const torch::NoGradGuard no_grad;
        flat.values().fill_(2);
    }
    EXPECT_TRUE(torch::equal(linear->bias, torch::full({5}, 2.0F)));
}

TEST(FlatParametersTest, BackwardAccumulatesIntoTheGroupsMemory) {
    const auto group = gang::make_group_alone();
    torch::nn::Linear linear(2, 1);
    FlatParameters flat(*linear, *group, 1);
    for (int i = 0; i < 2; ++i) linear->forward(torch::tensor({{3.0F, 4.0F}})).sum().backward();
    EXPECT_EQ(std::accumulate(flat.reduced().begin(), flat.reduced().end(), 0.0F), 2 * (3 + 4 + 1));
    flat.zero_gradients();
    EXPECT_EQ(linear->weight.grad().abs().sum().item<float>(), 0);
}

TEST(WganGpTest, EveryStepOfAnIterationHasItsOwnBatchNoiseAndEpsilon) {
    const auto group = gang::make_group_alone();
    GanOptions options = tiny::gan_options();
    options.critic_steps = 5;
    const Trainer trainer(*group, options);
    std::vector<GanBatch> batches;
    for (uint32_t s = 0; s < 6; ++s) batches.push_back(trainer.gan.draw_batch(s));
    for (size_t a = 0; a < batches.size(); ++a) {
        for (size_t b = 0; b < a; ++b) {
            EXPECT_FALSE(torch::equal(batches[a].x, batches[b].x));
            EXPECT_FALSE(torch::equal(batches[a].real, batches[b].real));
            EXPECT_FALSE(torch::equal(batches[a].z, batches[b].z));
            EXPECT_FALSE(torch::equal(batches[a].epsilon, batches[b].epsilon));
        }
    }
    EXPECT_TRUE(trainer.gan.is_generator_step(5));
    for (uint32_t s = 0; s < 5; ++s) EXPECT_FALSE(trainer.gan.is_generator_step(s));
}

TEST(WganGpTest, TheSlicesOfTheMembersFormTheWholeBatch) {
    const auto group = gang::make_group_alone();
    const GanBatch whole = Trainer(*group).gan.draw_batch(7);
    FakeGang gang(2);
    const auto first = gang.member(0), second = gang.member(1);
    const GanBatch a = Trainer(*first).gan.draw_batch(7), b = Trainer(*second).gan.draw_batch(7);
    EXPECT_TRUE(torch::equal(torch::cat({a.x, b.x}), whole.x));
    EXPECT_TRUE(torch::equal(torch::cat({a.real, b.real}), whole.real));
    EXPECT_TRUE(torch::equal(torch::cat({a.z, b.z}), whole.z));
    EXPECT_TRUE(torch::equal(torch::cat({a.epsilon, b.epsilon}), whole.epsilon));
}

TEST(WganGpTest, ABatchThatCannotBeDividedIsRefused) {
    FakeGang gang(3);
    const auto member = gang.member(0);
    EXPECT_THROW(Trainer trainer(*member), Error);
}

TEST(WganGpTest, TheCriticsGradientOfTwoMembersEqualsThatOfOneOnTheWholeBatch) {
    // Masks are functions of the index in the whole batch, so the test includes dropout.
    for (const double dropout : {0.0, 0.5}) {
        GanOptions options = tiny::gan_options();
        options.dropout = dropout;
        const auto group = gang::make_group_alone();
        const torch::Tensor one = critic_gradient(*group, options, 3);
        const torch::Tensor two =
            of_gang(2, [&](gang::Group& member) { return critic_gradient(member, options, 3); });
        const torch::Tensor four =
            of_gang(4, [&](gang::Group& member) { return critic_gradient(member, options, 3); });
        EXPECT_GT(one.abs().max().item<double>(), 0);
        EXPECT_LT(relative_difference(two, one), kOrderTolerance) << "dropout " << dropout;
        EXPECT_LT(relative_difference(four, one), kOrderTolerance) << "dropout " << dropout;
    }
}

TEST(WganGpTest, TheGeneratorsGradientOfTwoMembersEqualsThatOfOneWithTwoNormGroups) {
    const GanOptions options = tiny::gan_options();
    const auto group = gang::make_group_alone();
    const torch::Tensor reference = generator_gradient(*group, options, 2, 2);
    const torch::Tensor two =
        of_gang(2, [&](gang::Group& member) { return generator_gradient(member, options, 2, 1); });
    const torch::Tensor whole = generator_gradient(*group, options, 2, 1);
    EXPECT_LT(relative_difference(two, reference), kOrderTolerance);
    EXPECT_GT(relative_difference(two, whole), 10 * kOrderTolerance)
        << "statistics over the whole batch must differ";
}

TEST(WganGpTest, TheCriticStepFollowsTheEquationOfTheLoss) {
    const auto group = gang::make_group_alone();
    GanOptions options = tiny::gan_options();
    options.dropout = 0;
    Trainer trainer(*group, options);
    model::Critic& critic = trainer.gan.critic();
    const GanBatch batch = trainer.gan.draw_batch(0);
    const torch::Tensor fakes = trainer.gan.make_fakes(batch, 0);
    trainer.gan.accumulate_critic_gradient(batch, fakes, 0);
    const torch::Tensor joint = trainer.gan.critic_parameters().gradients().clone();

    const auto d = [&](const torch::Tensor& x, const torch::Tensor& y) {
        return critic.forward(x, y, model::Pass::inference());
    };
    const torch::Tensor penalty =
        model::gradient_penalty(d, batch.x, batch.real, fakes, batch.epsilon, options.penalty_norm);
    const torch::Tensor loss =
        d(batch.x, fakes).mean() - d(batch.x, batch.real).mean() + options.penalty_weight * penalty;
    trainer.gan.critic_parameters().zero_gradients();
    loss.backward();
    EXPECT_LT(relative_difference(joint, trainer.gan.critic_parameters().gradients()),
              kOrderTolerance);
    const torch::Tensor logged = trainer.gan.critic_parameters().extra();
    EXPECT_NEAR(logged[0].item<float>(), loss.item<float>(), 1e-4);
    EXPECT_NEAR(logged[2].item<float>(), penalty.item<float>(), 1e-4);
}

TEST(WganGpTest, ACriticStepGivesTheGeneratorNoGradientAndKeepsItsWeights) {
    const auto group = gang::make_group_alone();
    Trainer trainer(*group);
    const torch::Tensor weights = trainer.gan.generator_parameters().values().clone(),
                        critic = trainer.gan.critic_parameters().values().clone();
    trainer.gan.step(0, {});
    EXPECT_EQ(trainer.gan.generator_parameters().gradients().abs().max().item<float>(), 0);
    EXPECT_TRUE(torch::equal(trainer.gan.generator_parameters().values(), weights));
    EXPECT_FALSE(torch::equal(trainer.gan.critic_parameters().values(), critic));
}

TEST(WganGpTest, AGeneratorStepKeepsTheCriticsWeightsAndGradients) {
    const auto group = gang::make_group_alone();
    Trainer trainer(*group);
    const torch::Tensor weights = trainer.gan.critic_parameters().values().clone(),
                        generator = trainer.gan.generator_parameters().values().clone();
    trainer.gan.step(2, {});
    EXPECT_EQ(trainer.gan.critic_parameters().gradients().abs().max().item<float>(), 0);
    EXPECT_TRUE(torch::equal(trainer.gan.critic_parameters().values(), weights));
    EXPECT_FALSE(torch::equal(trainer.gan.generator_parameters().values(), generator));
    for (const torch::Tensor& parameter : trainer.gan.critic().parameters())
        EXPECT_TRUE(parameter.requires_grad());
}

TEST(WganGpTest, BothKindsOfStepUpdateTheRenormState) {
    const auto group = gang::make_group_alone();
    Trainer trainer(*group);
    for (uint32_t s = 0; s < 3; ++s) trainer.gan.step(s, {});
    int weights = 0;
    for (const auto& item : trainer.gan.generator().named_buffers()) {
        if (!item.key().ends_with(".w")) continue;
        ++weights;
        EXPECT_NEAR(item.value().item<float>(), 1 - std::pow(0.99, 3), 1e-6) << item.key();
    }
    EXPECT_GT(weights, 0);
}

TEST(WganGpTest, TheFirstStepMovesEachWeightByTheLearningRate) {
    const auto group = gang::make_group_alone();
    Trainer trainer(*group);
    const torch::Tensor before = trainer.gan.critic_parameters().values().clone();
    trainer.gan.step(0, {});
    const torch::Tensor moved = trainer.gan.critic_parameters().values() - before;
    const torch::Tensor gradients = trainer.gan.critic_parameters().gradients();
    const torch::Tensor large = gradients.abs() > 1e-4; // below, eps = 1e-8 matters
    EXPECT_GT(large.sum().item<int64_t>(), 100);
    const torch::Tensor expected = -tiny::gan_options().learning_rate * gradients.sign();
    // The weights are of order 1, so a step of 1e-4 has an error of about 1e-7.
    EXPECT_LT((moved - expected).masked_select(large).abs().max().item<double>(), 2e-7);
}

TEST(WganGpTest, AVoteOfOneMemberHoldsForTheGang) {
    run_gang(2, [](gang::Group& group) {
        at::set_num_threads(1);
        Trainer trainer(group);
        const Votes none = trainer.gan.step(0, {});
        EXPECT_FALSE(none.stop || none.save);
        const Votes stop = trainer.gan.step(1, {.stop = group.rank() == 1, .save = false});
        EXPECT_TRUE(stop.stop);
        EXPECT_FALSE(stop.save);
        const Votes save = trainer.gan.step(2, {.stop = false, .save = group.rank() == 0});
        EXPECT_FALSE(save.stop);
        EXPECT_TRUE(save.save);
    });
}

TEST(WganGpTest, MembersHaveTheSameWeightsAndLossesAfterSeveralSteps) {
    torch::Tensor weights[2];
    GanLosses losses[2];
    run_gang(2, [&](gang::Group& group) {
        at::set_num_threads(1);
        Trainer trainer(group);
        for (uint32_t s = 0; s < 6; ++s) trainer.gan.step(s, {});
        weights[group.rank()] = torch::cat({trainer.gan.critic_parameters().values(),
                                            trainer.gan.generator_parameters().values()})
                                    .clone();
        losses[group.rank()] = trainer.gan.take_losses();
    });
    EXPECT_TRUE(torch::equal(weights[0], weights[1]));
    EXPECT_EQ(losses[0].critic_loss, losses[1].critic_loss);
    EXPECT_EQ(losses[0].generator_loss, losses[1].generator_loss);
    EXPECT_TRUE(losses[0].finite());
}

} // namespace
} // namespace dagan::train
