#include "base/error.h"
#include "base/random.h"
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

const std::string kKey = "classifier-key";

struct ClassifierTrainerTest : testing::Test {
    ClassifierTrainerTest() { at::set_num_threads(1); }

    TaskOutput train(const ClassifierTask& which, const TaskPaths& paths, Observer& observer) {
        return train_classifier(which, kKey, data, paths, observer);
    }
    TaskOutput train(const ClassifierTask& which, const TaskPaths& paths) {
        tiny::FakeObserver observer;
        return train(which, paths, observer);
    }
    TaskOutput train(const ClassifierTask& which) {
        tiny::Campaign campaign;
        return train(which, campaign.paths());
    }
    static void make_generator(const TaskPaths& paths) {
        const model::Generator generator(tiny::gan_options(), 1, tiny::kSize, 3);
        write_tensor_file(paths.weights("gan"),
                          generator_file(generator, tiny::gan_options(), {1, tiny::kSize}));
    }
    // A task with m = 2 generated images, from a pool or fresh. Writes the files it needs to the
    // campaign.
    ClassifierTask augmented(const TaskPaths& paths, Generation generation) {
        make_generator(paths);
        ClassifierTask augmented_task = task;
        augmented_task.generated_per_real = 2;
        augmented_task.classifier.generation = generation;
        if (generation == Generation::fresh) {
            augmented_task.gan_task = "gan";
            augmented_task.gan = tiny::gan_options();
        } else {
            tiny::FakeObserver observer;
            make_pool(tiny::pool_task(), "pool-key", data, paths, observer);
            augmented_task.pool = "pool-key";
        }
        return augmented_task;
    }
    static std::vector<double> curve(const TaskOutput& output, const std::string& quantity) {
        std::vector<double> values;
        for (const CurvePoint& point : output.curve) {
            if (point.quantity == quantity) values.push_back(point.value);
        }
        return values;
    }

    data::Dataset data = tiny::dataset();
    ClassifierTask task = tiny::classifier_task();
};

TEST_F(ClassifierTrainerTest, CountsItsCasesAndWritesNoFile) {
    tiny::Campaign campaign;
    tiny::FakeObserver observer;
    const TaskOutput output = train(task, campaign.paths(), observer);
    ASSERT_EQ(output.outcome, Outcome::done);
    ASSERT_TRUE(output.score);
    EXPECT_EQ(output.score->steps, 3 * 5); // ceil(12 classes * 3 / 8) = 5
    EXPECT_EQ(output.score->validation_total, 3 * 3);
    EXPECT_EQ(output.score->test_total, 3 * 2);
    EXPECT_EQ(output.steps_done, 15);
    EXPECT_EQ(observer.step_, 15);
    EXPECT_EQ(curve(output, "loss").size(), 3U);
    EXPECT_EQ(curve(output, "validation_accuracy").size(), 3U);
    EXPECT_TRUE(output.artifacts.empty());
    EXPECT_TRUE(!fs::exists(campaign.paths().checkpoints_dir()) ||
                fs::is_empty(campaign.paths().checkpoints_dir()));
}

TEST_F(ClassifierTrainerTest, TheTestCountsBelongToTheWeightsOfTheBestEpoch) {
    task.classifier.epochs = 8;
    const TaskOutput output = train(task);
    const std::vector<double> accuracy = curve(output, "validation_accuracy");
    const int best = output.score->best_epoch;
    const auto highest = std::ranges::max_element(accuracy); // the earliest on ties
    EXPECT_EQ(best, highest - accuracy.begin() + 1);
    EXPECT_DOUBLE_EQ(static_cast<double>(output.score->validation_correct) /
                         output.score->validation_total,
                     *highest);
    ClassifierTask shorter = task; // trains up to that epoch only
    shorter.classifier.epochs = best;
    shorter.classifier.epoch_select = EpochSelect::last;
    const TaskOutput stopped = train(shorter);
    EXPECT_EQ(stopped.score->test_correct, output.score->test_correct);
    EXPECT_EQ(stopped.score->validation_correct, output.score->validation_correct);
}

TEST_F(ClassifierTrainerTest, EpochSelectLastTakesTheLastEpoch) {
    task.classifier.epoch_select = EpochSelect::last;
    const TaskOutput output = train(task);
    EXPECT_EQ(output.score->best_epoch, 3);
    EXPECT_DOUBLE_EQ(static_cast<double>(output.score->validation_correct) /
                         output.score->validation_total,
                     curve(output, "validation_accuracy").back());
}

TEST_F(ClassifierTrainerTest, AStepMatchedBaselineTakesExactlyTheStepsOfTheOtherRun) {
    task.match_steps_of = 2;
    const TaskOutput output = train(task);
    EXPECT_EQ(output.score->steps, 3 * 14); // epochs * ceil(12 * 3 * (1 + 2) / 8)
    // 42 steps of 5 an epoch: the ninth is cut short.
    EXPECT_EQ(curve(output, "validation_accuracy").size(), 9U);
    tiny::Campaign campaign;
    task.match_steps_of = 0;
    const ClassifierTask other = augmented(campaign.paths(), Generation::pool);
    EXPECT_EQ(train(other, campaign.paths()).score->steps, output.score->steps);
}

TEST_F(ClassifierTrainerTest, UnmarkedGeneratedImagesHaveTheFlagOfRealOnes) {
    ClassifierTask unmarked = task;
    unmarked.classifier.mark_generated = false;
    EXPECT_EQ(train(unmarked).curve, train(task).curve)
        << "real images are marked as such either way";
    for (const Generation generation : {Generation::pool, Generation::fresh}) {
        tiny::Campaign campaign;
        unmarked = augmented(campaign.paths(), generation);
        const TaskOutput marked = train(unmarked, campaign.paths());
        unmarked.classifier.mark_generated = false;
        EXPECT_NE(curve(train(unmarked, campaign.paths()), "loss"), curve(marked, "loss"));
    }
}

TEST_F(ClassifierTrainerTest, InterruptedAtAnyStepGivesTheSameBits) {
    const TaskOutput expected = train(task);
    Random random(77);
    for (int trial = 0; trial < 6; ++trial) {
        tiny::Campaign campaign;
        const auto stop = static_cast<int64_t>(random.below(23));
        tiny::FakeObserver observer(stop);
        ASSERT_EQ(train(task, campaign.paths(), observer).outcome, Outcome::interrupted)
            << "stop at call " << stop;
        const TaskOutput output = train(task, campaign.paths());
        EXPECT_EQ(output.score, expected.score) << "stop at call " << stop;
        EXPECT_EQ(output.curve, expected.curve) << "stop at call " << stop;
    }
}

TEST_F(ClassifierTrainerTest, InterruptedWithGeneratedImagesGivesTheSameBits) {
    for (const Generation generation : {Generation::pool, Generation::fresh}) {
        tiny::Campaign undisturbed;
        const ClassifierTask with_images = augmented(undisturbed.paths(), generation);
        const TaskOutput expected = train(with_images, undisturbed.paths());
        EXPECT_EQ(expected.score->steps, 3 * 14);
        for (const int64_t stop : {3, 20}) {
            tiny::Campaign campaign;
            augmented(campaign.paths(), generation);
            tiny::FakeObserver observer(stop);
            ASSERT_EQ(train(with_images, campaign.paths(), observer).outcome, Outcome::interrupted);
            const TaskOutput output = train(with_images, campaign.paths());
            EXPECT_EQ(output.score, expected.score)
                << to_string(generation) << ", stop at call " << stop;
            EXPECT_EQ(output.curve, expected.curve)
                << to_string(generation) << ", stop at call " << stop;
        }
    }
}

TEST_F(ClassifierTrainerTest, AScheduledCheckpointResumesLikeARequestedOne) {
    const TaskOutput expected = train(task);
    tiny::Campaign campaign;
    campaign.paths().checkpoint_every = std::chrono::seconds(0);
    tiny::FakeObserver observer(11);
    train(task, campaign.paths(), observer);
    const fs::path checkpoint = campaign.paths().checkpoint(kKey);
    ASSERT_TRUE(fs::exists(checkpoint));
    fs::resize_file(checkpoint, fs::file_size(checkpoint) / 3); // the previous one is used
    const TaskOutput output = train(task, campaign.paths());
    EXPECT_EQ(output.score, expected.score);
    EXPECT_EQ(output.curve, expected.curve);
}

TEST_F(ClassifierTrainerTest, GeneratedImagesChangeTheTrainingAndRunsOfASeedArePaired) {
    tiny::Campaign campaign;
    const ClassifierTask with_images = augmented(campaign.paths(), Generation::pool);
    const double plain = curve(train(task), "loss").front(),
                 with = curve(train(with_images, campaign.paths()), "loss").front();
    EXPECT_NE(plain, with);
    EXPECT_EQ(curve(train(task), "loss").front(), plain);
}

TEST_F(ClassifierTrainerTest, OneClassAndABatchLargerThanTheDataWork) {
    data = tiny::dataset(1, 10);
    task.dataset.options.split = {.source = {0, 0}, .validation = {0, 0}, .test = {0, 1}};
    task.classifier.softmax = Softmax::target;
    task.classifier.batch_size = 64;
    const TaskOutput output = train(task);
    EXPECT_EQ(output.outcome, Outcome::done);
    EXPECT_EQ(output.score->steps, 3);
    EXPECT_EQ(output.score->test_correct, 2);
}

TEST_F(ClassifierTrainerTest, DroppingTheLastPartialBatchChangesTheTotals) {
    // Batches of 8: 9 validation cases become 8, 6 test cases are less than a batch.
    task.classifier.eval_drop_last = true;
    const TaskOutput output = train(task);
    EXPECT_EQ(output.score->validation_total, 8);
    EXPECT_EQ(output.score->test_total, 6);
}

TEST_F(ClassifierTrainerTest, ALossThatIsNotFiniteMakesItDiverge) {
    task.classifier.learning_rate = 1e38;
    const TaskOutput output = train(task);
    EXPECT_EQ(output.outcome, Outcome::diverged);
    EXPECT_FALSE(output.score);
}

TEST_F(ClassifierTrainerTest, ChoosingTheBestEpochWithoutValidationCasesIsRefused) {
    task.dataset.options.cases.validation = 0;
    EXPECT_THROW(train(task), Error);
}

TEST_F(ClassifierTrainerTest, ASelectorWritesItsWeightsAndConditions) {
    tiny::Campaign campaign;
    tiny::FakeObserver observer;
    const TaskOutput output =
        train_selector(tiny::selector_task(), "selector-key", data, campaign.paths(), observer);
    ASSERT_EQ(output.outcome, Outcome::done);
    ASSERT_EQ(output.artifacts.size(), 1U);
    EXPECT_EQ(output.artifacts[0].role, "weights");
    const TrainedSelector selector = load_selector(campaign.paths().weights("selector-key"));
    EXPECT_EQ(selector.classes, 3);
    EXPECT_EQ(selector.conditions.size(), 9U); // 3 classes, 3 of 10 images
    for (const data::Case& condition : selector.conditions)
        EXPECT_EQ(data.label(condition.image), 6 + condition.label);

    tiny::FakeObserver stopping(0); // the selector exists: nothing is trained
    const TaskOutput again =
        train_selector(tiny::selector_task(), "selector-key", data, campaign.paths(), stopping);
    EXPECT_EQ(again.artifacts, output.artifacts);
    EXPECT_EQ(again.score, output.score);
}

TEST_F(ClassifierTrainerTest, AnInterruptedSelectorHasTheSameWeights) {
    tiny::FakeObserver quiet, stopping(4);
    tiny::Campaign undisturbed, campaign;
    const TaskOutput expected =
        train_selector(tiny::selector_task(), "selector-key", data, undisturbed.paths(), quiet);
    EXPECT_EQ(
        train_selector(tiny::selector_task(), "selector-key", data, campaign.paths(), stopping)
            .outcome,
        Outcome::interrupted);
    const TaskOutput output =
        train_selector(tiny::selector_task(), "selector-key", data, campaign.paths(), quiet);
    EXPECT_EQ(output.artifacts, expected.artifacts);
}

} // namespace
} // namespace dagan::train
