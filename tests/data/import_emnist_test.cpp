#include "data/import.h"
#include "data/support.h"

#include <algorithm>

namespace dagan::data::test {

namespace {
std::string big_endian(uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
    return bytes;
}

// Entry i is filled with byte i, except for one pixel at raw row 3, column 5, which is 200.
std::string images_idx(size_t count, uint32_t magic = 0x803, uint32_t rows = 28) {
    std::string bytes = big_endian(magic) + big_endian(static_cast<uint32_t>(count)) +
                        big_endian(rows) + big_endian(28);
    for (size_t i = 0; i < count; ++i) {
        std::string image(784, static_cast<char>(i));
        image[3 * 28 + 5] = static_cast<char>(200);
        bytes += image;
    }
    return bytes;
}

std::string labels_idx(const std::vector<uint8_t>& labels, uint32_t magic = 0x801) {
    return big_endian(magic) + big_endian(static_cast<uint32_t>(labels.size())) +
           std::string(labels.begin(), labels.end());
}

std::vector<uint8_t> all_labels(bool backwards) {
    std::vector<uint8_t> labels;
    for (uint8_t label = 0; label < 47; ++label) labels.push_back(label);
    if (backwards) std::ranges::reverse(labels);
    return labels;
}

class ImportEmnistTest : public ::testing::Test {
  protected:
    ImportEmnistTest() {
        std::vector<uint8_t> train = all_labels(true); // entry i has label 46 - i
        train.push_back(46);
        write_file(files_.train_images, images_idx(48));
        write_file(files_.train_labels, labels_idx(train));
        write_gzip(files_.test_images, images_idx(47));
        write_gzip(files_.test_labels, labels_idx(all_labels(false)));
    }
    TemporaryFolder folder_;
    EmnistFiles files_{folder_ / "train-images", folder_ / "train-labels",
                       folder_ / "test-images.gz", folder_ / "test-labels.gz"};
    void expect_import_refused(const std::vector<std::string>& parts) {
        expect_refused([&] { import_emnist(files_); }, parts);
    }
};
} // namespace

TEST_F(ImportEmnistTest, ClassesAreAdjacentTrainBeforeTestAndTheSplitIsKept) {
    const Dataset data = import_emnist(files_);
    EXPECT_EQ(data.info().classes, 47);
    EXPECT_EQ(data.info().images, 95);
    EXPECT_EQ(data.count_of(45), 2);
    EXPECT_EQ(data.count_of(46), 3);
    EXPECT_EQ(data.class_name(0), "0");
    EXPECT_EQ(data.class_name(10), "A");
    EXPECT_EQ(data.class_name(36), "a");
    EXPECT_EQ(data.class_name(46), "t");
    const int z = data.first_of(46);
    EXPECT_EQ(data.image(z)[0], 255 - 0);      // train entry 0
    EXPECT_EQ(data.image(z + 1)[0], 255 - 47); // train entry 47, in file order
    EXPECT_EQ(data.image(z + 2)[0], 255 - 46); // test entry 46
    EXPECT_EQ(data.official_split()[static_cast<size_t>(z + 1)], 0);
    EXPECT_EQ(data.official_split()[static_cast<size_t>(z + 2)], 1);
}

TEST_F(ImportEmnistTest, ImagesAreTransposedAndInverted) {
    const Dataset data = import_emnist(files_);
    for (int i = 0; i < data.info().images; ++i) {
        EXPECT_EQ(data.image(i)[5 * 28 + 3], 55); // upright[r][c] = 255 - raw[c][r]
        EXPECT_NE(data.image(i)[3 * 28 + 5], 55);
    }
}

TEST_F(ImportEmnistTest, TheSameFilesMayServeAsBothHalves) {
    files_.train_images = files_.test_images;
    files_.train_labels = files_.test_labels;
    EXPECT_EQ(import_emnist(files_).info().images, 94);
}

TEST_F(ImportEmnistTest, WrongMagicCountsAndLengthsAreNamed) {
    write_file(files_.train_images, images_idx(48, 0x804));
    expect_import_refused({"train-images", "magic number", "0x00000804", "0x00000803"});
    write_file(files_.train_images, images_idx(48, 0x803, 27));
    expect_import_refused({"train-images", "image size", "27 x 28"});
    write_file(files_.train_images, images_idx(47));
    expect_import_refused({"train-labels", "48 labels for the 47 images", "train-images"});
    write_file(files_.train_images, images_idx(48).substr(0, 20000));
    expect_import_refused({"train-images", "length", "20000 bytes", "truncated"});
    write_file(files_.train_images, images_idx(48) + "x");
    expect_import_refused({"train-images", "length"});
    write_file(files_.train_images, "abc");
    expect_import_refused({"train-images", "header", "3 bytes"});
    write_file(files_.train_images, "");
    expect_import_refused({"train-images", "header"});
}

TEST_F(ImportEmnistTest, ImagesAndLabelsInTheWrongOrderAreRefused) {
    std::swap(files_.train_images, files_.train_labels);
    expect_import_refused({"train-labels", "magic number", "train images, train labels"});
}

TEST_F(ImportEmnistTest, ATruncatedGzipIsNamed) {
    std::filesystem::resize_file(files_.test_images,
                                 std::filesystem::file_size(files_.test_images) - 20);
    expect_import_refused({"test-images.gz"});
}

TEST_F(ImportEmnistTest, LabelsBeyondTheClassesAndMissingClassesAreNamed) {
    std::vector<uint8_t> labels = all_labels(false);
    labels[5] = 47;
    write_gzip(files_.test_labels, labels_idx(labels));
    expect_import_refused({"test-labels.gz", "label 5", "47"});
    labels[5] = 6;
    write_gzip(files_.test_labels, labels_idx(labels));
    files_.train_images = files_.test_images;
    files_.train_labels = files_.test_labels;
    expect_import_refused({"test-labels.gz", "class '5'"});
}

} // namespace dagan::data::test
