// Tests that training learns; slower than a unit test.
#include "data/strokes.h"
#include "train/tasks.h"
#include "train/tiny.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace dagan::train {
namespace {

TEST(LearningTest, ASmallClassifierOnStrokesIsFarBetterThanChance) {
    at::set_num_threads(1);
    constexpr int kClasses = 20;
    const data::Dataset data =
        data::make_strokes({.classes = kClasses, .per_class = 20, .seed = 3, .size = 28});
    ClassifierTask task = tiny::classifier_task();
    task.dataset.size = 28;
    task.dataset.options.split = {.source = {0, 0}, .validation = {0, 0}, .test = {0, kClasses}};
    task.classifier.softmax = Softmax::target;
    task.classifier.growth = 16;
    task.classifier.epochs = 40;
    task.classifier.batch_size = 32;
    task.samples_per_class = 15;
    tiny::Campaign campaign;
    tiny::FakeObserver observer;
    const TaskOutput output = train_classifier(task, "learning", data, campaign.paths(), observer);
    ASSERT_TRUE(output.score);
    const double accuracy =
        static_cast<double>(output.score->test_correct) / output.score->test_total;
    RecordProperty("test_accuracy", std::to_string(accuracy));
    // Guessing gets 12 of the 40 test cases right in fewer than one of a million runs.
    EXPECT_GT(accuracy, 0.3) << "chance is " << 1.0 / kClasses;
    EXPECT_LT(output.curve[output.curve.size() - 2].value, output.curve.front().value / 2)
        << "the training loss halves at least";
}

} // namespace
} // namespace dagan::train
