// docs/reference/model.md, check 25, by content: images are hashed, so that duplicates count as one
// image.
#include "base/hash.h"
#include "data/pool.h"
#include "data/roles.h"
#include "data/strokes.h"
#include "tiny.h"
#include "train/files/network_file.h"
#include "train/tasks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

namespace dagan::train {
namespace {

constexpr int kClasses = 18, kPerClass = 12;

using Hashes = std::set<std::string>;

std::string hash_of(const data::Dataset& data, int image) {
    const auto bytes = data.image(image);
    return hash128_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Hashes hashes_of(const data::Dataset& data, const std::vector<data::Case>& cases) {
    Hashes hashes;
    for (const data::Case& one : cases) hashes.insert(hash_of(data, one.image));
    return hashes;
}

void expect_disjoint(const Hashes& a, const Hashes& b, const std::string& what) {
    for (const std::string& hash : a) EXPECT_FALSE(b.contains(hash)) << what;
}

class LeakageTest : public testing::TestWithParam<Softmax> {
  protected:
    LeakageTest() {
        at::set_num_threads(1);
        const model::Generator generator(tiny::gan_options(), 1, tiny::kSize, 3);
        write_tensor_file(campaign_.paths().weights("gan"),
                          generator_file(generator, tiny::gan_options(), {1, tiny::kSize}));
        task_.softmax = GetParam();
        task_.dataset.options.split = {
            .source = {0, 8}, .validation = {8, 13}, .test = {13, kClasses}};
    }

    // All training images and conditions, against all validation and test images.
    void check_seed(const data::Dataset& data, uint64_t seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        task_.stream = seed;
        const std::string key = "pool-" + std::to_string(seed);
        tiny::FakeObserver observer;
        ASSERT_EQ(make_pool(task_, key, data, campaign_.paths(), observer).outcome, Outcome::done);
        const data::Pool pool = data::Pool::open(campaign_.paths().pool(key));
        Hashes conditions;
        for (const int image : pool.sources()) conditions.insert(hash_of(data, image));

        const data::ClassifierCases cases =
            data::draw_cases(data, task_.dataset, task_.softmax, task_.samples_per_class, seed);
        const Hashes training = hashes_of(data, cases.training),
                     validation = hashes_of(data, cases.validation),
                     test = hashes_of(data, cases.test);
        EXPECT_EQ(conditions, training);
        EXPECT_FALSE(validation.empty());
        EXPECT_FALSE(test.empty());
        expect_disjoint(conditions, validation, "a validation case is a condition");
        expect_disjoint(conditions, test, "a test case is a condition");
        expect_disjoint(validation, test, "a validation case is a test case");
        // Uses the DAGAN of another data set.
        if (task_.dataset.options.protocol == Protocol::balanced47) return;
        Hashes of_gan;
        for (const int label :
             data::classes_of(task_.dataset, data.info().classes, data::Domain::source)) {
            for (int i = 0; i < data.count_of(label); ++i)
                of_gan.insert(hash_of(data, data.first_of(label) + i));
        }
        expect_disjoint(of_gan, validation, "the DAGAN trains on a validation case");
        expect_disjoint(of_gan, test, "the DAGAN trains on a test case");
    }

    tiny::Campaign campaign_;
    PoolTask task_ = tiny::pool_task();
    const data::Dataset strokes_ = data::make_strokes(
        {.classes = kClasses, .per_class = kPerClass, .seed = 1, .size = tiny::kSize});
};

TEST_P(LeakageTest, NoValidationOrTestCaseIsAConditionOrATrainingImage) {
    for (uint64_t seed = 1; seed <= 5; ++seed) check_seed(strokes_, seed);
}

TEST_P(LeakageTest, EmnistsOwnSplitDoesNotLeakEither) {
    std::vector<uint8_t> official;
    for (int i = 0; i < strokes_.info().images; ++i) official.push_back(i % kPerClass < 8 ? 0 : 1);
    std::vector<std::string> names;
    for (int label = 0; label < kClasses; ++label) names.push_back(strokes_.class_name(label));
    const data::Dataset data(strokes_.info(), {strokes_.pixels().begin(), strokes_.pixels().end()},
                             {strokes_.labels().begin(), strokes_.labels().end()}, names, official);
    task_.dataset.options.protocol = Protocol::balanced47;
    for (uint64_t seed = 1; seed <= 3; ++seed) check_seed(data, seed);
}

INSTANTIATE_TEST_SUITE_P(EverySoftmax, LeakageTest,
                         testing::Values(Softmax::all, Softmax::held_out, Softmax::target),
                         [](const auto& softmax) { return to_string(softmax.param); });

} // namespace
} // namespace dagan::train
