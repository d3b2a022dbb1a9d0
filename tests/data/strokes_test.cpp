#include "data/strokes.h"

#include "data/support.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace dagan::data::test {

namespace {
double distance2(std::span<const uint8_t> a, std::span<const double> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}
} // namespace

TEST(StrokesTest, DefaultIs240ClassesOf20) {
    const Dataset data = make_strokes();
    EXPECT_EQ(data.info().classes, 240);
    EXPECT_EQ(data.info().images, 4800);
    EXPECT_EQ(data.info().smallest_class, 20);
    EXPECT_EQ(data.info().height, 28);
    EXPECT_EQ(data.info().polarity, "ink_is_low");
}

TEST(StrokesTest, IsAFunctionOfItsSeed) {
    EXPECT_EQ(make_strokes({12, 5, 1, 28}).info().sha256,
              make_strokes({12, 5, 1, 28}).info().sha256);
    EXPECT_NE(make_strokes({12, 5, 1, 28}).info().sha256,
              make_strokes({12, 5, 2, 28}).info().sha256);
}

TEST(StrokesTest, MoreClassesAndImagesKeepTheFirstOnes) {
    const Dataset small = make_strokes({10, 4, 7, 20}), large = make_strokes({15, 6, 7, 20});
    for (int label = 0; label < 10; ++label) {
        for (int k = 0; k < 4; ++k) {
            EXPECT_TRUE(std::ranges::equal(small.image(small.first_of(label) + k),
                                           large.image(large.first_of(label) + k)));
        }
    }
}

TEST(StrokesTest, IsBlackInkOnWhiteWithSmoothEdges) {
    const Dataset data = make_strokes();
    for (int i = 0; i < data.info().images; ++i) {
        const auto image = data.image(i);
        const double ink =
            static_cast<double>(std::ranges::count_if(image, [](uint8_t v) { return v < 128; })) /
            784;
        EXPECT_GT(ink, 0.01) << "image " << i;
        EXPECT_LT(ink, 0.5) << "image " << i;
        for (int k = 0; k < 28; ++k) { // the pen stays on the page
            EXPECT_GT(image[static_cast<size_t>(k)], 127) << "image " << i;
            EXPECT_GT(image[static_cast<size_t>(27 * 28 + k)], 127) << "image " << i;
        }
    }
    std::set<uint8_t> greys(data.image(0).begin(), data.image(0).end());
    EXPECT_TRUE(greys.contains(255));
    EXPECT_TRUE(greys.contains(0));
    EXPECT_GT(greys.size(), 10U);
}

// Hands differ, but classes stay recognisable: among 240 classes, the mean of 15 images of a class
// is often the nearest to its other 5.
TEST(StrokesTest, HandsVaryAndClassesAreRecognisable) {
    const Dataset data = make_strokes();
    const int train = 15;
    std::vector<std::vector<double>> means;
    for (int label = 0; label < 240; ++label) {
        auto& mean = means.emplace_back(784, 0.0);
        for (int k = 0; k < train; ++k) {
            const auto image = data.image(data.first_of(label) + k);
            for (size_t i = 0; i < 784; ++i) mean[i] += image[i] / static_cast<double>(train);
        }
    }
    int right = 0;
    std::set<std::string> distinct;
    for (int i = 0; i < data.info().images; ++i) {
        const auto image = data.image(i);
        distinct.emplace(image.begin(), image.end());
        if (i - data.first_of(data.label(i)) < train) continue;
        const auto nearest = std::ranges::min_element(
            means, {}, [&](const auto& mean) { return distance2(image, mean); });
        right += nearest - means.begin() == data.label(i);
    }
    EXPECT_EQ(distinct.size(), 4800U);
    const double accuracy = right / 1200.0;
    RecordProperty("nearest_mean_accuracy", std::to_string(accuracy));
    EXPECT_GT(accuracy, 0.3);  // chance is 0.004
    EXPECT_LT(accuracy, 0.95); // above, the hands would hardly differ
}

TEST(StrokesTest, OtherSizesAreDrawnAndInvalidOnesRefused) {
    EXPECT_EQ(make_strokes({3, 2, 1, 64}).info().height, 64);
    expect_refused([] { make_strokes({0, 2, 1, 28}); }, {"classes"});
    expect_refused([] { make_strokes({3, 0, 1, 28}); }, {"images per class"});
    expect_refused([] { make_strokes({3, 2, 1, 4}); }, {"size"});
}

} // namespace dagan::data::test
