#include "data/epochs.h"

#include "base/random.h"
#include "data/support.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace dagan::data::test {

namespace {
// Images are recognisable: real image i is filled with byte i, pool image k of source i with
// 100 + 10 * i + k.
Dataset labelled_dataset() {
    DatasetInfo info;
    info.channels = 1;
    info.height = info.width = 2;
    info.polarity = "ink_is_low";
    std::vector<uint8_t> images;
    for (uint8_t i = 0; i < 10; ++i) images.insert(images.end(), 4, i);
    return {info, std::move(images), {0, 0, 0, 0, 0, 1, 1, 1, 1, 1}, {"a", "b"}};
}

const std::vector<Case> kTraining{{1, 0}, {3, 0}, {6, 1}, {8, 1}, {9, 1}};
constexpr int kPerImage = 7;

Pool labelled_pool(const std::vector<int>& sources = {1, 3, 6, 8, 9}, int per_image = kPerImage) {
    std::vector<uint8_t> images;
    for (const int source : sources) {
        for (int k = 0; k < per_image; ++k)
            images.insert(images.end(), 4, static_cast<uint8_t>(100 + 10 * source + k));
    }
    return {1, 2, per_image, sources, std::move(images), "hash"};
}

// No augmentation, so that images stay recognisable.
constexpr Augmentation kNone{false, 0, 0, true};

struct Shown {
    int byte;
    int64_t label;
    float real;
    auto operator<=>(const Shown&) const = default;
};

std::vector<Shown> epoch_of(const EpochLoader& loader, uint32_t epoch) {
    std::vector<Shown> shown;
    LabelledBatch batch;
    for (int b = 0; b < loader.batches_per_epoch(); ++b) {
        loader.fill(epoch, b, batch);
        for (size_t i = 0; i < batch.labels.size(); ++i) {
            uint8_t byte = 0;
            to_bytes(std::span(batch.images).subspan(4 * i, 1), std::span(&byte, 1));
            shown.push_back({byte, batch.labels[i], batch.real[i]});
        }
    }
    return shown;
}
} // namespace

TEST(EpochsTest, ShowsEachRealImageOnceAndMDistinctGeneratedOnesOfIt) {
    const Dataset data = labelled_dataset();
    const Pool pool = labelled_pool();
    for (const int m : {0, 1, 3, kPerImage}) {
        const EpochLoader loader(data, kTraining, &pool, m, 4, kNone, 5);
        EXPECT_EQ(loader.batches_per_epoch(), (5 * (1 + m) + 3) / 4);
        for (uint32_t epoch = 0; epoch < 5; ++epoch) {
            const auto shown = epoch_of(loader, epoch);
            ASSERT_EQ(shown.size(), static_cast<size_t>(5 * (1 + m)));
            const std::set<Shown> distinct(shown.begin(), shown.end());
            EXPECT_EQ(distinct.size(), shown.size());
            std::map<int, int> generated;
            for (const Shown& one : shown) {
                const int source = one.real == 1 ? one.byte : (one.byte - 100) / 10;
                const auto found = std::ranges::find(kTraining, source, &Case::image);
                ASSERT_NE(found, kTraining.end());
                EXPECT_EQ(one.label, found->label);
                if (one.real == 0) ++generated[source];
            }
            for (const Case& one : kTraining) EXPECT_EQ(generated[one.image], m);
        }
    }
}

TEST(EpochsTest, EpochsAreShuffledAndDrawDifferentGeneratedImages) {
    const Dataset data = labelled_dataset();
    const Pool pool = labelled_pool();
    const EpochLoader loader(data, kTraining, &pool, 3, 4, kNone, 5);
    auto first = epoch_of(loader, 0), second = epoch_of(loader, 1);
    EXPECT_NE(first, second);
    EXPECT_FALSE(std::ranges::is_sorted(first));
    std::ranges::sort(first);
    std::ranges::sort(second);
    EXPECT_NE(first, second) << "the same generated images in both epochs";
}

TEST(EpochsTest, BatchesDoNotDependOnTheOrderOfRequests) {
    const Dataset data = labelled_dataset();
    const Pool pool = labelled_pool();
    const EpochLoader loader(data, kTraining, &pool, 3, 4, {}, 5);
    const EpochLoader other(data, kTraining, &pool, 3, 4, {}, 5);
    LabelledBatch a, b;
    for (const auto& [epoch, batch] :
         {std::pair{2U, 4}, {0U, 1}, {2U, 0}, {1U, 3}, {0U, 1}, {7U, 2}}) {
        loader.fill(epoch, batch, a);
        for (int skipped = 0; skipped < 3; ++skipped)
            other.fill(epoch + 1, skipped, b); // other batches in between
        other.fill(epoch, batch, b);
        EXPECT_EQ(a.images, b.images);
        EXPECT_EQ(a.labels, b.labels);
        EXPECT_EQ(a.real, b.real);
    }
}

TEST(EpochsTest, TheLastBatchHoldsTheRemainder) {
    const Dataset data = labelled_dataset();
    const EpochLoader loader(data, kTraining, nullptr, 0, 3, kNone, 5);
    LabelledBatch batch;
    loader.fill(0, 1, batch);
    EXPECT_EQ(batch.size(), 2);
    EXPECT_EQ(batch.images.size(), 8U);
    EXPECT_THROW(loader.fill(0, 2, batch), Error);
}

// Runs that differ only in m have the same augmented real images, and a larger m only adds
// generated ones.
TEST(EpochsTest, RunsArePairedOverM) {
    const Dataset data = labelled_dataset();
    const Pool pool = labelled_pool();
    const auto images_of = [&](int m, float real) {
        const EpochLoader loader(data, kTraining, &pool, m, 64, {true, 1, 0.1, true}, 5);
        LabelledBatch batch;
        loader.fill(3, 0, batch);
        std::set<std::vector<float>> images;
        for (size_t i = 0; i < batch.labels.size(); ++i) {
            if (batch.real[i] == real)
                images.emplace(batch.images.begin() + static_cast<long>(4 * i),
                               batch.images.begin() + static_cast<long>(4 * i + 4));
        }
        return images;
    };
    EXPECT_EQ(images_of(0, 1), images_of(4, 1));
    const auto fewer = images_of(2, 0), more = images_of(5, 0);
    EXPECT_EQ(fewer.size(), 10U);
    EXPECT_TRUE(std::ranges::includes(more, fewer));
}

TEST(EpochsTest, APoolThatDoesNotFitIsRefused) {
    const Dataset data = labelled_dataset();
    const Pool lacking = labelled_pool({1, 3, 6, 8}), scant = labelled_pool({1, 3, 6, 8, 9}, 2);
    expect_refused([&] { EpochLoader(data, kTraining, &lacking, 1, 4, kNone, 5); },
                   {"pool", "image 9"});
    expect_refused([&] { EpochLoader(data, kTraining, &scant, 3, 4, kNone, 5); },
                   {"pool", "2 images", "pool_size"});
    const Pool larger(1, 3, 1, {1, 3, 6, 8, 9}, std::vector<uint8_t>(45), "hash");
    expect_refused([&] { EpochLoader(data, kTraining, &larger, 1, 4, kNone, 5); },
                   {"pool", "size"});
}

namespace {
constexpr int kSize = 6;
// All pixels differ, so that the result shows the rotation or shift.
std::vector<float> ramp() {
    std::vector<float> image(kSize * kSize);
    for (size_t i = 0; i < image.size(); ++i) image[i] = -0.9F + 0.05F * static_cast<float>(i);
    return image;
}
} // namespace

// 0.999 quantiles of chi-square: 16.27 (3 degrees), 51.18 (24).
TEST(AugmentTest, RotationsAreUniformOverAllImages) {
    std::map<std::vector<float>, double> seen;
    for (uint32_t item = 0; item < 4000; ++item) {
        auto image = ramp();
        augment(image, 1, kSize, {true, 0, 0, true}, 3, 1, item);
        ++seen[image];
    }
    ASSERT_EQ(seen.size(), 4U);
    double chi_square = 0;
    for (const auto& [image, count] : seen) chi_square += (count - 1000) * (count - 1000) / 1000;
    EXPECT_LT(chi_square, 16.27);
}

TEST(AugmentTest, HalfTheImagesShiftByUniformIntegersFilledWithBackground) {
    std::map<std::pair<int, int>, double> seen;
    for (int dy = -2; dy <= 2; ++dy) {
        for (int dx = -2; dx <= 2; ++dx) seen[{dx, dy}] = 0;
    }
    const auto original = ramp();
    for (uint32_t item = 0; item < 10000; ++item) {
        auto image = original;
        augment(image, 1, kSize, {false, 2, 0, true}, 3, 1, item);
        for (auto& [offset, count] : seen) {
            bool fits = true;
            for (int y = 0; y < kSize && fits; ++y) {
                for (int x = 0; x < kSize && fits; ++x) {
                    const int sy = y - offset.second, sx = x - offset.first;
                    const bool inside = sy >= 0 && sy < kSize && sx >= 0 && sx < kSize;
                    fits = image[static_cast<size_t>(y * kSize + x)] ==
                           (inside ? original[static_cast<size_t>(sy * kSize + sx)] : 1.0F);
                }
            }
            if (fits) ++count;
        }
    }
    double total = 0, chi_square = 0;
    for (const auto& [offset, count] : seen) {
        total += count;
        const double expected = 10000 * (0.5 / 25 + (offset == std::pair{0, 0} ? 0.5 : 0));
        chi_square += (count - expected) * (count - expected) / expected;
    }
    EXPECT_EQ(total, 10000);
    EXPECT_LT(chi_square, 51.18);
}

TEST(AugmentTest, EdgeFillRepeatsTheNearestPixel) {
    const auto original = ramp();
    bool shifted = false;
    for (uint32_t item = 0; item < 50; ++item) {
        auto image = original;
        augment(image, 1, kSize, {false, 2, 0, false}, 3, 1, item);
        for (const float value : image)
            EXPECT_NE(std::ranges::find(original, value), original.end());
        shifted = shifted || image != original;
    }
    EXPECT_TRUE(shifted);
}

TEST(AugmentTest, HalfTheImagesGetNoiseOfTwiceSigmaUnclipped) {
    int noisy = 0;
    double sum = 0, squares = 0, count = 0;
    bool beyond = false;
    for (uint32_t item = 0; item < 2000; ++item) {
        std::vector<float> image(kSize * kSize, 1.0F);
        augment(image, 1, kSize, {true, 2, 0.1, true}, 3, 1, item);
        if (std::ranges::all_of(image, [](float v) { return v == 1.0F; })) continue;
        ++noisy;
        for (const float value : image) {
            sum += value - 1.0;
            squares += (value - 1.0) * (value - 1.0);
            ++count;
            beyond = beyond || value > 1.0F;
        }
    }
    EXPECT_NEAR(noisy, 1000, 4 * std::sqrt(2000 * 0.25)); // 4 standard deviations
    EXPECT_NEAR(sum / count, 0, 4 * 0.2 / std::sqrt(count));
    EXPECT_NEAR(std::sqrt(squares / count), 0.2, 4 * 0.2 / std::sqrt(2 * count));
    EXPECT_TRUE(beyond);
}

TEST(AugmentTest, IsAFunctionOfStreamEpochAndItem) {
    const auto augmented = [](uint64_t stream, uint32_t epoch, uint32_t item) {
        auto image = ramp();
        augment(image, 1, kSize, {true, 2, 0.1, true}, stream, epoch, item);
        return image;
    };
    int differ = 0;
    for (uint32_t i = 0; i < 20; ++i) {
        EXPECT_EQ(augmented(1, 2, i), augmented(1, 2, i));
        differ +=
            (augmented(1, 2, i) != augmented(1, 3, i)) + (augmented(1, 2, i) != augmented(2, 2, i));
    }
    EXPECT_GT(differ, 30); // sometimes an image stays unchanged
}

TEST(AugmentTest, ChannelsMoveTogether) {
    std::vector<float> image;
    for (int c = 0; c < 3; ++c) {
        const auto plane = ramp();
        image.insert(image.end(), plane.begin(), plane.end());
    }
    for (uint32_t item = 0; item < 20; ++item) {
        auto moved = image;
        augment(moved, 3, kSize, {true, 2, 0, false}, 3, 1, item);
        EXPECT_TRUE(std::equal(moved.begin(), moved.begin() + 36, moved.begin() + 36));
        EXPECT_TRUE(std::equal(moved.begin(), moved.begin() + 36, moved.begin() + 72));
    }
}

} // namespace dagan::data::test
