// Small inputs for tests of training: a data set of 12 classes whose images are bars with a
// position and slope per class and some noise, networks with four filters, and an observer that
// stops on request.
#pragma once

#include "base/random.h"
#include "data/dataset.h"
#include "spec/task.h"
#include "train/observer.h"
#include "train/tasks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace dagan::train::tiny {

inline constexpr int kSize = 16;

inline data::Dataset dataset(int classes = 12, int images_per_class = 10, uint64_t stream = 7) {
    std::vector<uint8_t> images;
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (int label = 0; label < classes; ++label) {
        names.push_back("class " + std::to_string(label));
        for (int i = 0; i < images_per_class; ++i) {
            Random random(stream, static_cast<uint32_t>(label), static_cast<uint32_t>(i));
            const int slope = label % 3 - 1, offset = 2 + label % 12;
            for (int row = 0; row < kSize; ++row) {
                for (int column = 0; column < kSize; ++column) {
                    const bool ink = std::abs(column + slope * (row - kSize / 2) - offset) <= 1;
                    images.push_back(
                        static_cast<uint8_t>(ink ? random.below(60) : 255 - random.below(60)));
                }
            }
            labels.push_back(label);
        }
    }
    data::DatasetInfo info{.classes = classes,
                           .images = classes * images_per_class,
                           .channels = 1,
                           .height = kSize,
                           .width = kSize,
                           .smallest_class = images_per_class,
                           .largest_class = images_per_class,
                           .shards = 1,
                           .source = "tiny",
                           .licence = "none",
                           .polarity = "ink_is_low",
                           .sha256 = "tiny"};
    return data::Dataset(std::move(info), std::move(images), std::move(labels), std::move(names));
}

inline DatasetRef reference() {
    DatasetRef ref;
    ref.name = "tiny";
    ref.options.file = "tiny.h5";
    ref.options.split = {.source = {0, 6}, .validation = {6, 9}, .test = {9, 12}};
    ref.sha256 = "tiny";
    ref.channels = 1;
    ref.size = kSize;
    return ref;
}

inline GanOptions gan_options() {
    GanOptions options;
    options.generator_widths = options.critic_widths = {4, 4, 4, 4};
    options.generator_inner = options.critic_inner = 1;
    options.z_dim = 8;
    options.iterations = 4;
    options.critic_steps = 2;
    options.batch_size = 4;
    options.renorm_sync = 2;
    options.checkpoints = 2;
    options.select = Select::critic_loss;
    return options;
}

inline GanTask gan_task() {
    return {.dataset = reference(),
            .gan = gan_options(),
            .selector = "",
            .stream = 11,
            .ranks = 1,
            .threads = 1};
}

inline ClassifierOptions classifier_options() {
    ClassifierOptions options;
    options.growth = 4;
    options.epochs = 3;
    options.batch_size = 8;
    options.learning_rate = 3e-3;
    options.pool_size = 3;
    options.shift_px = 1;
    return options;
}

inline ClassifierTask classifier_task() {
    ClassifierTask task;
    task.dataset = reference();
    task.classifier = classifier_options();
    task.samples_per_class = 3;
    task.stream = 13;
    return task;
}

inline SelectorTask selector_task() {
    return {.dataset = reference(),
            .classes = SelectorClasses::validation,
            .train_share = 0.7,
            .classifier = classifier_options(),
            .stream = 17,
            .threads = 1};
}

inline PoolTask pool_task() {
    PoolTask task;
    task.dataset = reference();
    task.gan = gan_options();
    task.gan_task = "gan";
    task.samples_per_class = 3;
    task.pool_size = 3;
    task.stream = 13; // of (data set, seed), as the classifier's
    return task;
}

class FakeObserver : public Observer {
  public:
    static constexpr int64_t kNever = -1;
    // Requests a stop from call `stop_at` (0-based) of stop_requested() on.
    explicit FakeObserver(int64_t stop_at = kNever) : stop_at_(stop_at) {}
    bool stop_requested() override { return stop_at_ != kNever && calls_++ >= stop_at_; }
    void progress(int64_t step, int64_t steps) override {
        step_ = step;
        steps_ = steps;
    }

    int64_t step_ = 0, steps_ = 0;

  private:
    int64_t stop_at_;
    int64_t calls_ = 0;
};

// A campaign folder that is removed after the test.
class Campaign {
  public:
    Campaign() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        static int count = 0;
        paths_ = TaskPaths(std::filesystem::path(testing::TempDir()) /
                           (std::string("dagan-") + test->name() + "-" +
                            std::to_string(::getpid()) + "-" + std::to_string(count++)));
        paths_.checkpoint_every = std::chrono::hours(1);
        std::filesystem::create_directories(paths_.root());
    }
    ~Campaign() {
        std::error_code ignored;
        std::filesystem::remove_all(paths_.root(), ignored);
    }
    Campaign(const Campaign&) = delete;
    Campaign& operator=(const Campaign&) = delete;
    TaskPaths& paths() { return paths_; }

  private:
    TaskPaths paths_;
};

} // namespace dagan::train::tiny
