#include "train/gan/candidates.h"

#include "base/error.h"
#include "base/file.h"
#include "train/files/network_file.h"
#include "train/tiny.h"

#include <gtest/gtest.h>

namespace dagan::train {
namespace {

using Iterations = std::vector<int64_t>;

TEST(CandidateIterationsTest, AreEvenlySpacedAndEndWithTheLastIteration) {
    EXPECT_EQ(candidate_iterations(100, 4), (Iterations{25, 50, 75, 100}));
    EXPECT_EQ(candidate_iterations(10, 3), (Iterations{3, 6, 10}));
    EXPECT_EQ(candidate_iterations(7, 1), (Iterations{7}));
}

TEST(CandidateIterationsTest, AreAtMostOnePerIteration) {
    EXPECT_EQ(candidate_iterations(3, 20), (Iterations{1, 2, 3}));
}

Candidate candidate(int64_t iteration, double critic_loss, double score) {
    return {.iteration = iteration, .critic_loss = critic_loss, .score = score};
}

TEST(ChooseTest, ByClassifierTheHighestScoreWinsTheEarliestOnTies) {
    EXPECT_EQ(choose({candidate(1, 0, 0.2), candidate(2, 0, 0.7), candidate(3, 0, 0.7),
                      candidate(4, 0, 0.5)},
                     Select::classifier)
                  .iteration,
              2);
}

TEST(ChooseTest, ByCriticLossTheLowestWinsTheEarliestOnTies) {
    EXPECT_EQ(
        choose({candidate(1, 2, 0), candidate(2, -3, 0), candidate(3, -3, 0)}, Select::critic_loss)
            .iteration,
        2);
}

TEST(ChooseTest, ByLastTheLastWins) {
    EXPECT_EQ(choose({candidate(1, 2, 1), candidate(2, 3, 0)}, Select::last).iteration, 2);
}

TEST(ChooseTest, ByClassifierACandidateWithoutScoreIsABug) {
    EXPECT_THROW(choose({{.iteration = 1}, {.iteration = 2}}, Select::classifier), Error);
}

// Conditions a, b, a: the first and the last are equal, so two pairs count, with distances 5 and
// 13.
TEST(DistanceBetweenConditionsTest, IsTheMeanOverPairsOfImagesWhoseConditionsDiffer) {
    const torch::Tensor images =
        torch::tensor({0.0F, 0.0F, 3.0F, 4.0F, 8.0F, 16.0F}).view({3, 1, 1, 2});
    const torch::Tensor conditions =
        torch::tensor({1.0F, 0.0F, 0.0F, 1.0F, 1.0F, 0.0F}).view({3, 1, 1, 2});
    EXPECT_DOUBLE_EQ(distance_between_conditions(images, conditions), (5.0 + 13.0) / 2);
    EXPECT_EQ(distance_between_conditions(images, torch::zeros_like(conditions)), 0);
    EXPECT_EQ(distance_between_conditions(images.slice(0, 0, 1), conditions.slice(0, 0, 1)), 0);
}

TEST(CandidateTest, DiversityOverZIsTheSpreadWithinAConditionOverTheDistanceBetweenConditions) {
    const auto diversity = [](const Candidate& candidate) {
        for (const CurvePoint& point : candidate.curve()) {
            if (point.quantity == "z_diversity") return point.value;
        }
        return -1.0;
    };
    EXPECT_EQ(diversity({.iteration = 1, .spread = 1, .distance = 2, .condition_distance = 4}),
              0.25);
    EXPECT_EQ(diversity({.iteration = 1, .spread = 0, .distance = 2, .condition_distance = 0}), 0);
}

struct CandidateJudgeTest : testing::Test {
    CandidateJudgeTest()
        : task(tiny::gan_task()), data(tiny::dataset()), generator(task.gan, 1, tiny::kSize, 1),
          critic(task.gan, 1, tiny::kSize, 2) {}
    tiny::Campaign campaign;
    GanTask task;
    data::Dataset data;
    model::Generator generator;
    model::Critic critic;
    tiny::FakeObserver observer;
};

TEST_F(CandidateJudgeTest, RepeatsItsMeasuresAndLeavesTheNetworksUnchanged) {
    TensorFile before, after;
    store_module(generator, "g.", before);
    store_module(critic, "c.", before);
    const CandidateJudge judge(task, data, campaign.paths());
    const auto first = judge.judge(generator, critic, 1, observer),
               second = judge.judge(generator, critic, 1, observer);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(*first, *second);
    EXPECT_TRUE(first->finite());
    store_module(generator, "g.", after);
    store_module(critic, "c.", after);
    for (const auto& [name, tensor] : before.tensors)
        EXPECT_TRUE(torch::equal(tensor, after.tensors.at(name))) << name;
    for (const torch::Tensor& parameter : critic.parameters())
        EXPECT_FALSE(parameter.grad().defined());
}

TEST_F(CandidateJudgeTest, AGeneratorThatIgnoresItsNoiseHasNoSpread) {
    const CandidateJudge judge(task, data, campaign.paths());
    EXPECT_GT(judge.judge(generator, critic, 1, observer)->spread, 0);
    for (auto& item : generator.named_parameters()) {
        if (item.key().starts_with("noise")) item.value().detach().zero_();
    }
    const auto deaf = judge.judge(generator, critic, 1, observer);
    EXPECT_EQ(deaf->spread, 0);
    EXPECT_GT(deaf->distance, 0);
    EXPECT_GT(deaf->condition_distance, 0);
}

TEST_F(CandidateJudgeTest, TheCriticLossIsTheSumOfItsParts) {
    const auto measured =
        CandidateJudge(task, data, campaign.paths()).judge(generator, critic, 1, observer);
    EXPECT_DOUBLE_EQ(measured->critic_loss,
                     task.gan.penalty_weight * measured->penalty - measured->wasserstein);
    EXPECT_FALSE(measured->score);
}

TEST_F(CandidateJudgeTest, StopsOnRequest) {
    tiny::FakeObserver at_once(0);
    EXPECT_FALSE(CandidateJudge(task, data, campaign.paths()).judge(generator, critic, 1, at_once));
}

// A selector that assigns class 1 to every image: the score is the share of conditions of class 1.
TEST_F(CandidateJudgeTest, TheScoreIsTheShareOfImagesAssignedToTheirConditionsClass) {
    model::Classifier selector(tiny::classifier_options(), 1, tiny::kSize, 3, 5);
    torch::Tensor bias;
    for (auto& item : selector.named_parameters()) {
        if (item.value().dim() == 1 && item.value().numel() == 3) bias = item.value();
    }
    ASSERT_TRUE(bias.defined());
    bias.detach().copy_(torch::tensor({0.0F, 1e6F, 0.0F}));
    const std::vector<data::Case> conditions{{60, 0}, {61, 0}, {70, 1}, {80, 2}, {71, 1}};
    write_tensor_file(
        campaign.paths().weights("selector"),
        selector_file(selector, tiny::classifier_options(), {1, tiny::kSize}, 3, conditions));
    task.gan.select = Select::classifier;
    task.selector = "selector";
    const auto measured =
        CandidateJudge(task, data, campaign.paths()).judge(generator, critic, 1, observer);
    ASSERT_TRUE(measured->score);
    EXPECT_DOUBLE_EQ(*measured->score, 0.4);
}

TEST_F(CandidateJudgeTest, ASelectorForOtherImagesIsRefused) {
    const model::Classifier selector(tiny::classifier_options(), 3, 32, 3, 5);
    write_tensor_file(campaign.paths().weights("selector"),
                      selector_file(selector, tiny::classifier_options(), {3, 32}, 3, {{60, 0}}));
    task.gan.select = Select::classifier;
    task.selector = "selector";
    EXPECT_THROW(CandidateJudge(task, data, campaign.paths()), Error);
}

TEST_F(CandidateJudgeTest, TheSampleSheetIsAPng) {
    const auto path = campaign.paths().samples("gan", 3);
    CandidateJudge(task, data, campaign.paths()).write_sheet(generator, path);
    EXPECT_EQ(read_file(path).substr(1, 3), "PNG");
}

} // namespace
} // namespace dagan::train
