#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "data/strokes.h"
#include "support/fake_group.h"
#include "train/files/network_file.h"
#include "train/tasks.h"
#include "train/tiny.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace dagan::train {
namespace {

namespace fs = std::filesystem;

const std::string kKey = "gan-key";

struct GanTrainerTest : testing::Test {
    GanTrainerTest() { at::set_num_threads(1); }

    TaskOutput train(const GanTask& which, const TaskPaths& paths, Observer& observer) {
        const auto group = gang::make_group_alone();
        return train_gan(which, kKey, data, paths, *group, observer);
    }
    TaskOutput train(const GanTask& which, const TaskPaths& paths) {
        tiny::FakeObserver observer;
        return train(which, paths, observer);
    }
    // Restarts until the task is done, as the launcher does.
    TaskOutput train_with_interruptions(const GanTask& which, const TaskPaths& paths,
                                        const std::vector<int64_t>& stops) {
        for (const int64_t stop : stops) {
            tiny::FakeObserver observer(stop);
            const TaskOutput output = train(which, paths, observer);
            if (output.outcome == Outcome::done) return output;
            EXPECT_EQ(output.outcome, Outcome::interrupted);
        }
        return train(which, paths);
    }
    static std::string weights_hash(const TaskOutput& output) {
        for (const Artifact& artifact : output.artifacts) {
            if (artifact.role == "weights") return artifact.sha256;
        }
        return "no weights";
    }
    static double value(const TaskOutput& output, int64_t step, const std::string& quantity) {
        for (const CurvePoint& point : output.curve) {
            if (point.step == step && point.quantity == quantity) return point.value;
        }
        return NAN;
    }

    data::Dataset data = tiny::dataset();
    GanTask task = tiny::gan_task();
};

TEST_F(GanTrainerTest, WritesChosenWeightsSheetsAndCurvesAndNothingElse) {
    tiny::Campaign campaign;
    const TaskPaths& paths = campaign.paths();
    tiny::FakeObserver observer;
    const TaskOutput output = train(task, paths, observer);
    ASSERT_EQ(output.outcome, Outcome::done);
    EXPECT_EQ(output.steps_done, 4);
    EXPECT_GT(output.seconds_per_step, 0);
    EXPECT_EQ(observer.step_, 4);
    EXPECT_EQ(observer.steps_, 4);
    ASSERT_EQ(output.artifacts.size(), 3U);
    EXPECT_EQ(output.artifacts[0].role, "weights");
    EXPECT_EQ(output.artifacts[0].path, "checkpoints/gan-key.safetensors");
    EXPECT_EQ(output.artifacts[1].role, "samples");
    EXPECT_EQ(std::distance(fs::directory_iterator(paths.checkpoints_dir()), {}), 1)
        << "candidates and checkpoints are gone";
    for (const char* quantity : {"critic_loss", "wasserstein", "penalty", "generator_loss"}) {
        for (int64_t iteration = 1; iteration <= 4; ++iteration)
            EXPECT_TRUE(std::isfinite(value(output, iteration, quantity))) << quantity;
    }
    for (const char* quantity : {"validation_critic_loss", "spread", "distance"}) {
        for (const int64_t iteration : {2, 4})
            EXPECT_TRUE(std::isfinite(value(output, iteration, quantity))) << quantity;
    }
}

TEST_F(GanTrainerTest, TheChosenWeightsBelongToTheCandidateWithTheLowestCriticLoss) {
    task.gan.iterations = 6;
    task.gan.checkpoints = 3;
    task.gan.learning_rate = 3e-3;
    tiny::Campaign campaign;
    const TaskOutput output = train(task, campaign.paths());
    int64_t best = 2;
    for (const int64_t iteration : {4, 6}) {
        if (value(output, iteration, "validation_critic_loss") <
            value(output, best, "validation_critic_loss"))
            best = iteration;
    }
    EXPECT_EQ(output.artifacts[1].path, "samples/gan-key." + std::to_string(best) + ".png");
    EXPECT_EQ(value(output, best, "chosen"), value(output, best, "validation_critic_loss"))
        << "the choice is stored";
    // A training of exactly this length gives the same weights.
    GanTask shorter = task;
    shorter.gan.iterations = best;
    shorter.gan.checkpoints = 1;
    shorter.gan.select = Select::last;
    tiny::Campaign other;
    train(shorter, other.paths());
    const TrainedGenerator a = load_generator(campaign.paths().weights(kKey)),
                           b = load_generator(other.paths().weights(kKey));
    const auto parameters = b.network->named_parameters();
    for (const auto& item : a.network->named_parameters())
        EXPECT_TRUE(torch::equal(item.value(), parameters[item.key()])) << item.key();
}

TEST_F(GanTrainerTest, InterruptedAtAnyStepGivesTheSameBits) {
    tiny::Campaign undisturbed;
    const TaskOutput expected = train(task, undisturbed.paths());
    Random random(2024);
    for (int trial = 0; trial < 6; ++trial) {
        std::vector<int64_t> stops;
        for (int i = 0; i < 3; ++i) stops.push_back(static_cast<int64_t>(random.below(12)));
        tiny::Campaign campaign;
        const TaskOutput output = train_with_interruptions(task, campaign.paths(), stops);
        const std::string message = "stops after " + testing::PrintToString(stops);
        ASSERT_EQ(output.outcome, Outcome::done) << message;
        EXPECT_EQ(weights_hash(output), weights_hash(expected)) << message;
        EXPECT_EQ(output.curve, expected.curve) << message;
        EXPECT_EQ(output.artifacts, expected.artifacts) << message;
    }
}

TEST_F(GanTrainerTest, MakesProgressHoweverOftenItIsInterrupted) {
    tiny::Campaign campaign;
    EXPECT_EQ(train_with_interruptions(task, campaign.paths(), std::vector<int64_t>(40, 5)).outcome,
              Outcome::done);
}

// Throws at a call, without a checkpoint, like a killed process.
class DyingObserver : public tiny::FakeObserver {
  public:
    explicit DyingObserver(int calls) : calls_left_(calls) {}
    bool stop_requested() override {
        if (calls_left_-- == 0) throw std::runtime_error("killed");
        return false;
    }

  private:
    int calls_left_;
};

TEST_F(GanTrainerTest, KilledAndResumedFromTheScheduledCheckpointGivesTheSameBits) {
    tiny::Campaign undisturbed;
    const TaskOutput expected = train(task, undisturbed.paths());
    for (const int calls : {2, 7, 9, 14}) {
        tiny::Campaign campaign;
        campaign.paths().checkpoint_every = std::chrono::seconds(0); // after every step
        DyingObserver observer(calls);
        EXPECT_THROW(train(task, campaign.paths(), observer), std::runtime_error);
        ASSERT_TRUE(fs::exists(campaign.paths().checkpoint(kKey)));
        const TaskOutput output = train(task, campaign.paths());
        EXPECT_EQ(weights_hash(output), weights_hash(expected)) << "killed at call " << calls;
        EXPECT_EQ(output.curve, expected.curve);
    }
}

TEST_F(GanTrainerTest, ADamagedCheckpointIsNotUsed) {
    tiny::Campaign undisturbed;
    const TaskOutput expected = train(task, undisturbed.paths());
    tiny::Campaign campaign;
    campaign.paths().checkpoint_every = std::chrono::seconds(0);
    tiny::FakeObserver observer(7);
    ASSERT_EQ(train(task, campaign.paths(), observer).outcome, Outcome::interrupted);
    const fs::path checkpoint = campaign.paths().checkpoint(kKey);
    fs::resize_file(checkpoint, fs::file_size(checkpoint) - 1);
    const TaskOutput output = train(task, campaign.paths());
    EXPECT_EQ(weights_hash(output), weights_hash(expected));
    EXPECT_EQ(output.curve, expected.curve);
}

TEST_F(GanTrainerTest, AnotherNumberOfThreadsIsRefused) {
    tiny::Campaign campaign;
    tiny::FakeObserver observer(3);
    train(task, campaign.paths(), observer);
    at::set_num_threads(2);
    EXPECT_THROW(train(task, campaign.paths()), Error);
    at::set_num_threads(1);
    EXPECT_EQ(train(task, campaign.paths()).outcome, Outcome::done);
}

TEST_F(GanTrainerTest, AFinishedTaskIsNotTrainedAgain) {
    tiny::Campaign campaign;
    const TaskOutput first = train(task, campaign.paths());
    tiny::FakeObserver observer(0);
    const TaskOutput again = train(task, campaign.paths(), observer);
    EXPECT_EQ(again.outcome, Outcome::done);
    EXPECT_EQ(again.steps_done, 0);
    EXPECT_EQ(again.curve, first.curve);
    EXPECT_EQ(again.artifacts, first.artifacts);
}

TEST_F(GanTrainerTest, LossesThatAreNotFiniteMakeItDiverge) {
    task.gan.learning_rate = 1e30;
    tiny::Campaign campaign;
    const TaskOutput output = train(task, campaign.paths());
    EXPECT_EQ(output.outcome, Outcome::diverged);
    EXPECT_TRUE(output.artifacts.empty());
    EXPECT_FALSE(output.curve.empty());
}

TEST_F(GanTrainerTest, OneClassWithFewerImagesThanABatchAndASingleIterationWork) {
    data = tiny::dataset(3, 3);
    task.dataset.options.split = {.source = {0, 1}, .validation = {1, 2}, .test = {2, 3}};
    task.gan.iterations = 1;
    task.gan.batch_size = 8;
    tiny::Campaign campaign;
    EXPECT_EQ(train(task, campaign.paths()).outcome, Outcome::done);
}

TEST_F(GanTrainerTest, WithASelectorEveryCandidateHasAScore) {
    tiny::Campaign campaign;
    tiny::FakeObserver observer;
    train_selector(tiny::selector_task(), "selector-key", data, campaign.paths(), observer);
    task.gan.select = Select::classifier;
    task.selector = "selector-key";
    const TaskOutput output = train(task, campaign.paths());
    for (const int64_t iteration : {2, 4}) {
        EXPECT_GE(value(output, iteration, "score"), 0) << iteration;
        EXPECT_LE(value(output, iteration, "score"), 1) << iteration;
    }
}

TEST_F(GanTrainerTest, AMissingSelectorIsReportedAtTheStart) {
    task.gan.select = Select::classifier;
    task.selector = "absent";
    tiny::Campaign campaign;
    tiny::FakeObserver observer;
    EXPECT_THROW(train(task, campaign.paths(), observer), Error);
    EXPECT_EQ(observer.steps_, 0);
}

TEST_F(GanTrainerTest, LimitClassesChangesTheTraining) {
    GanTask limited = task;
    limited.gan.limit_classes = 1;
    tiny::Campaign a, b;
    EXPECT_NE(value(train(task, a.paths()), 1, "critic_loss"),
              value(train(limited, b.paths()), 1, "critic_loss"));
}

TEST_F(GanTrainerTest, TrainsOnStrokes) {
    data = data::make_strokes({.classes = 12, .per_class = 6, .seed = 1, .size = 28});
    task.dataset.size = 28;
    tiny::Campaign campaign;
    const TaskOutput output = train(task, campaign.paths());
    ASSERT_EQ(output.outcome, Outcome::done);
    for (const CurvePoint& point : output.curve)
        EXPECT_TRUE(std::isfinite(point.value)) << point.quantity;
}

// Gangs, whose members are threads here. Any member may request a stop.
struct GangTest : GanTrainerTest {
    GangTest() { task.ranks = 2; }

    std::vector<TaskOutput> train_gang(const TaskPaths& paths, int64_t stop_at, int who) {
        std::vector<TaskOutput> outputs(2);
        run_gang(2, [&](gang::Group& group) {
            at::set_num_threads(1);
            tiny::FakeObserver observer(group.rank() == who ? stop_at : tiny::FakeObserver::kNever);
            outputs[static_cast<size_t>(group.rank())] =
                train_gan(task, kKey, data, paths, group, observer);
        });
        return outputs;
    }
    std::vector<TaskOutput> train_gang(const TaskPaths& paths) {
        return train_gang(paths, tiny::FakeObserver::kNever, 0);
    }
};

TEST_F(GangTest, PositionZeroReportsAndTheOthersReturnTheSameOutcome) {
    tiny::Campaign campaign;
    const auto outputs = train_gang(campaign.paths());
    EXPECT_EQ(outputs[0].outcome, Outcome::done);
    EXPECT_EQ(outputs[1].outcome, Outcome::done);
    EXPECT_FALSE(outputs[0].artifacts.empty());
    EXPECT_TRUE(outputs[1].artifacts.empty());
    EXPECT_TRUE(outputs[1].curve.empty());
}

TEST_F(GangTest, InterruptedByAnyMemberGivesTheSameBits) {
    task.gan.iterations = 5; // at odd iterations the renorm states of the members differ
    tiny::Campaign undisturbed;
    const auto expected = train_gang(undisturbed.paths());
    for (const int who : {0, 1}) {
        for (const int64_t stop_at : {0, 4, 11}) {
            tiny::Campaign campaign;
            const auto stopped = train_gang(campaign.paths(), stop_at, who);
            ASSERT_EQ(stopped[0].outcome, Outcome::interrupted)
                << "member " << who << " at " << stop_at;
            ASSERT_EQ(stopped[1].outcome, Outcome::interrupted);
            const auto resumed = train_gang(campaign.paths());
            EXPECT_EQ(weights_hash(resumed[0]), weights_hash(expected[0]))
                << "member " << who << " at " << stop_at;
            EXPECT_EQ(resumed[0].curve, expected[0].curve);
        }
    }
}

TEST_F(GangTest, ItsFirstLossesEqualThoseOfOneMember) {
    tiny::Campaign gang, alone;
    const auto outputs = train_gang(gang.paths());
    task.ranks = 1;
    const TaskOutput one = train(task, alone.paths());
    // The generator's batch statistics are over 2 samples instead of 4, so fakes differ; real
    // scores and the scale do not.
    const double a = value(outputs[0], 1, "penalty"), b = value(one, 1, "penalty");
    EXPECT_NEAR(a, b, 0.2 * std::abs(b));
}

TEST_F(GangTest, AMemberThatDiesBreaksTheGangAndTheNextGangResumes) {
    tiny::Campaign undisturbed;
    const auto expected = train_gang(undisturbed.paths());
    tiny::Campaign campaign;
    campaign.paths().checkpoint_every = std::chrono::seconds(0);
    EXPECT_THROW(run_gang(2,
                          [&](gang::Group& group) {
                              at::set_num_threads(1);
                              tiny::FakeObserver quiet;
                              DyingObserver dying(4);
                              train_gan(task, kKey, data, campaign.paths(), group,
                                        group.rank() == 1 ? static_cast<Observer&>(dying) : quiet);
                          }),
                 std::runtime_error);
    const auto resumed = train_gang(campaign.paths());
    EXPECT_EQ(weights_hash(resumed[0]), weights_hash(expected[0]));
}

} // namespace
} // namespace dagan::train
