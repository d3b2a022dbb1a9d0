// Whether learning happens, which takes longer than a unit test may.
#include "data/strokes.h"
#include "tiny.h"
#include "train/tasks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace dagan {
namespace {

TEST(LearningTest, ASmallClassifierLearnsStrokesFarAboveChance) {
    at::set_num_threads(1);
    constexpr int kClasses = 20;
    const Dataset data = make_strokes({.classes = kClasses, .per_class = 20, .seed = 3, .size = 28});
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
    const TaskOutput output = train_classifier(task, "learning", data, campaign.place(), observer);
    ASSERT_TRUE(output.score);
    const double accuracy = static_cast<double>(output.score->test_correct) / output.score->test_total;
    RecordProperty("test_accuracy", std::to_string(accuracy));
    EXPECT_GT(accuracy, 10.0 / kClasses) << "chance is " << 1.0 / kClasses;
}

} // namespace
} // namespace dagan
