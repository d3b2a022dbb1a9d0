#include "data/support.h"

#include <cmath>

namespace dagan::data::test {

TEST(DatasetTest, FindsTheImagesOfEachClass) {
    const Dataset data = random_dataset({3, 1, 5}, 1, 4, 1);
    EXPECT_EQ(data.info().classes, 3);
    EXPECT_EQ(data.info().images, 9);
    EXPECT_EQ(data.info().smallest_class, 1);
    EXPECT_EQ(data.info().largest_class, 5);
    EXPECT_EQ(data.first_of(0), 0);
    EXPECT_EQ(data.first_of(2), 4);
    EXPECT_EQ(data.count_of(1), 1);
    for (int i = 0; i < 9; ++i) EXPECT_EQ(data.label(i), i < 3 ? 0 : i < 4 ? 1 : 2);
    EXPECT_EQ(data.image(8).data(), data.pixels().data() + 8 * 16);
}

TEST(DatasetTest, TheHashDependsOnPixelsAndLabelsOnly) {
    const std::string hash = random_dataset({3, 2}, 1, 4, 1).info().sha256;
    EXPECT_EQ(hash.size(), 64U);
    EXPECT_EQ(hash, random_dataset({3, 2}, 1, 4, 1, true).info().sha256);
    EXPECT_NE(hash, random_dataset({2, 3}, 1, 4, 1).info().sha256);
    EXPECT_NE(hash, random_dataset({3, 2}, 1, 4, 2).info().sha256);
}

TEST(DatasetTest, RefusesInconsistentParts) {
    DatasetInfo info = random_dataset({2}, 1, 2, 1).info();
    const std::vector<uint8_t> two_images(8);
    EXPECT_NO_THROW(Dataset(info, two_images, {0, 1}, {"a", "b"}));
    EXPECT_THROW(Dataset(info, two_images, {1, 0}, {"a", "b"}), Error);
    EXPECT_THROW(Dataset(info, two_images, {0, 2}, {"a", "b", "c"}), Error);
    EXPECT_THROW(Dataset(info, two_images, {0, 0}, {"a", "b"}), Error);
    EXPECT_THROW(Dataset(info, two_images, {0}, {"a"}), Error);
    EXPECT_THROW(Dataset(info, two_images, {0, 1}, {"a", "b"}, {0}), Error);
    EXPECT_THROW(Dataset(info, {}, {}, {}), Error);
    info.polarity = "upside down";
    EXPECT_THROW(Dataset(info, two_images, {0, 1}, {"a", "b"}), Error);
}

TEST(DatasetTest, ImageIndicesOutsideAreRefused) {
    const Dataset data = random_dataset({2}, 1, 2, 1);
    EXPECT_THROW(data.image(-1), Error);
    EXPECT_THROW(data.image(2), Error);
}

TEST(DatasetTest, NetworkRangeIsTwoVOver255MinusOneAndInverts) {
    std::vector<uint8_t> bytes(256), back(256);
    for (size_t v = 0; v < 256; ++v) bytes[v] = static_cast<uint8_t>(v);
    std::vector<float> values(256);
    to_network_range(bytes, values);
    EXPECT_EQ(values[0], -1.0F);
    EXPECT_EQ(values[255], 1.0F);
    for (size_t v = 0; v < 256; ++v)
        EXPECT_NEAR(values[v], 2.0 * static_cast<double>(v) / 255.0 - 1.0, 1e-7);
    to_bytes(values, back);
    EXPECT_EQ(back, bytes);
}

TEST(DatasetTest, ToBytesClampsRoundsAndRefusesNaN) {
    const std::vector<float> values{-7.0F, 7.0F, 0.0F, -1.0F + 1.4F / 127.5F};
    std::vector<uint8_t> bytes(4);
    to_bytes(values, bytes);
    EXPECT_EQ(bytes, (std::vector<uint8_t>{0, 255, 128, 1}));
    const std::vector<float> bad{std::nanf("")};
    std::vector<uint8_t> one(1);
    EXPECT_THROW(to_bytes(bad, one), Error);
}

} // namespace dagan::data::test
