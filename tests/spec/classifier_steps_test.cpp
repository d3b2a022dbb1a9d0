#include "spec/classifier_steps.h"

#include <gtest/gtest.h>

namespace dagan {
namespace {

ClassifierOptions options() {
    ClassifierOptions options;
    options.batch_size = 32;
    options.epochs = 200;
    return options;
}

TEST(ClassifierStepsTest, AnEpochShowsEachRealImageAndItsGeneratedImagesOnce) {
    // 1623 classes of 5 images: 8115 / 32 = 253.6, and 32460 / 32 = 1014.4 with m = 3
    EXPECT_EQ(classifier_steps_per_epoch(options(), 1623 * 5, 0), 254);
    EXPECT_EQ(classifier_steps_per_epoch(options(), 1623 * 5, 3), 1015);
}

TEST(ClassifierStepsTest, ALastPartialBatchIsAStep) {
    EXPECT_EQ(classifier_steps_per_epoch(options(), 32, 0), 1);
    EXPECT_EQ(classifier_steps_per_epoch(options(), 33, 0), 2);
    EXPECT_EQ(classifier_steps_per_epoch(options(), 1, 0), 1);
}

TEST(ClassifierStepsTest, ARunHasTheStepsOfAllItsEpochs) {
    EXPECT_EQ(classifier_steps(options(), 1623 * 5, 3), 200 * 1015);
}

TEST(ClassifierStepsTest, ATaskHasTheStepsOfItsOwnM) {
    ClassifierTask task;
    task.classifier = options();
    task.generated_per_real = 3;
    EXPECT_EQ(step_budget_m(task), 3);
    EXPECT_EQ(classifier_steps(task, 1623 * 5), 200 * 1015);
}

TEST(ClassifierStepsTest, AStepMatchedBaselineHasTheStepsOfTheOtherRun) {
    ClassifierTask baseline;
    baseline.classifier = options();
    baseline.match_steps_of = 3;
    EXPECT_EQ(step_budget_m(baseline), 3);
    EXPECT_EQ(classifier_steps(baseline, 1623 * 5), 200 * 1015);
    // 203000 steps of 254 each: the last epoch is cut short.
    EXPECT_EQ(epochs_of_steps(200 * 1015, 254), 800);
}

TEST(ClassifierStepsTest, StepsThatEndWithAnEpochBeginNoFurtherOne) {
    EXPECT_EQ(epochs_of_steps(10, 5), 2);
    EXPECT_EQ(epochs_of_steps(11, 5), 3);
}

} // namespace
} // namespace dagan
