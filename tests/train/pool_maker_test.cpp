#include "base/error.h"
#include "data/pool.h"
#include "data/roles.h"
#include "tiny.h"
#include "train/files/network_file.h"
#include "train/generate.h"
#include "train/tasks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <set>

namespace dagan::train {
namespace {

namespace fs = std::filesystem;

struct PoolMakerTest : testing::Test {
    PoolMakerTest() {
        at::set_num_threads(1);
        const model::Generator generator(tiny::gan_options(), 1, tiny::kSize, 3);
        write_tensor_file(campaign.paths().weights("gan"),
                          generator_file(generator, tiny::gan_options(), {1, tiny::kSize}));
    }
    TaskOutput make(Observer& who) {
        return make_pool(task, "pool-key", data, campaign.paths(), who);
    }
    fs::path path() { return campaign.paths().pool("pool-key"); }

    tiny::Campaign campaign;
    data::Dataset data = tiny::dataset();
    PoolTask task = tiny::pool_task();
    tiny::FakeObserver observer;
};

TEST_F(PoolMakerTest, ConditionsAreTheTrainingCasesAndNeverAValidationOrTestCase) {
    const TaskOutput output = make(observer);
    ASSERT_EQ(output.outcome, Outcome::done);
    const data::Pool pool = data::Pool::open(path());
    const data::ClassifierCases cases =
        data::draw_cases(data, task.dataset, task.softmax, task.samples_per_class, task.stream);
    std::set<int> training, held_out;
    for (const data::Case& one : cases.training) training.insert(one.image);
    for (const data::Case& one : cases.validation) held_out.insert(one.image);
    for (const data::Case& one : cases.test) held_out.insert(one.image);
    EXPECT_EQ(std::set<int>(pool.sources().begin(), pool.sources().end()), training);
    for (const int source : pool.sources()) EXPECT_FALSE(held_out.contains(source));
    EXPECT_EQ(pool.per_image(), 3);
    EXPECT_EQ(output.steps_done, 12 * 3 * 3);
    EXPECT_EQ(observer.step_, observer.steps_);
}

TEST_F(PoolMakerTest, ImagesDifferInTheirNoiseAndComeFromTheGenerator) {
    make(observer);
    const data::Pool pool = data::Pool::open(path());
    const TrainedGenerator generator = load_generator(campaign.paths().weights("gan"));
    EXPECT_EQ(pool.gan_sha256(), generator.sha256);
    const int source = pool.sources()[4];
    const auto first = pool.image(source, 0), second = pool.image(source, 1);
    EXPECT_FALSE(std::ranges::equal(first, second));
}

// Training cases are nested, so a pool for fewer of them holds the same images.
TEST_F(PoolMakerTest, AnImageDoesNotDependOnTheOtherImagesOfItsBatch) {
    make(observer);
    const data::Pool large = data::Pool::open(path());
    task.samples_per_class = 2;
    make_pool(task, "smaller", data, campaign.paths(), observer);
    const data::Pool small = data::Pool::open(campaign.paths().pool("smaller"));
    EXPECT_LT(small.sources().size(), large.sources().size());
    int different = 0;
    for (const int source : small.sources()) {
        const auto a = small.image(source, 1), b = large.image(source, 1);
        // Another place in the batch may round a pixel differently.
        for (size_t i = 0; i < a.size(); ++i)
            different = std::max(different, std::abs(a[i] - b[i]));
    }
    EXPECT_LE(different, 1);
}

TEST_F(PoolMakerTest, WritesNothingIfInterrupted) {
    tiny::FakeObserver stopping(1);
    EXPECT_EQ(make(stopping).outcome, Outcome::interrupted);
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(PoolMakerTest, AFinishedPoolIsMadeAgainOnlyForAnotherGenerator) {
    const TaskOutput first = make(observer);
    tiny::FakeObserver stopping(0);
    EXPECT_EQ(make(stopping).artifacts, first.artifacts);
    const model::Generator other(tiny::gan_options(), 1, tiny::kSize, 4);
    write_tensor_file(campaign.paths().weights("gan"),
                      generator_file(other, tiny::gan_options(), {1, tiny::kSize}));
    EXPECT_NE(make(observer).artifacts, first.artifacts);
}

TEST_F(PoolMakerTest, ADamagedPoolIsMadeAgain) {
    const TaskOutput first = make(observer);
    fs::resize_file(path(), fs::file_size(path()) / 2);
    EXPECT_EQ(make(observer).outcome, Outcome::done);
    EXPECT_NO_THROW(data::Pool::open(path()));
}

TEST_F(PoolMakerTest, AGeneratorForImagesOfAnotherShapeIsRefused) {
    const model::Generator other(tiny::gan_options(), 1, 32, 4);
    write_tensor_file(campaign.paths().weights("gan"),
                      generator_file(other, tiny::gan_options(), {1, 32}));
    EXPECT_THROW(make(observer), Error);
}

TEST_F(PoolMakerTest, AWeightsFileOfAnotherNetworkIsRefused) {
    const model::Classifier classifier(tiny::classifier_options(), 1, tiny::kSize, 3, 5);
    write_tensor_file(
        campaign.paths().weights("gan"),
        selector_file(classifier, tiny::classifier_options(), {1, tiny::kSize}, 3, {{60, 0}}));
    EXPECT_THROW(make(observer), Error);
}

} // namespace
} // namespace dagan::train
