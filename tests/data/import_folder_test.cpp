#include "data/contact_sheet.h"
#include "data/import.h"
#include "data/resample.h"
#include "data/support.h"

#include <algorithm>

namespace dagan::data::test {

namespace {
std::string grey_png(int width, int height, uint8_t value) {
    return encode_png(width, height, 1,
                      std::vector<uint8_t>(static_cast<size_t>(width * height), value));
}

std::string rgb_jpeg(int width, int height, uint8_t r, uint8_t g, uint8_t b) {
    std::vector<uint8_t> rgb;
    for (int i = 0; i < width * height; ++i) rgb.insert(rgb.end(), {r, g, b});
    return encode_jpeg(width, height, rgb);
}

const Files kPeople{{"top/people/Bob/2.png", grey_png(8, 8, 20)},
                    {"top/people/Bob/10.png", grey_png(8, 8, 10)},
                    {"top/people/Ann/x.JPG", rgb_jpeg(16, 8, 200, 100, 50)},
                    {"top/people/Ann/notes.txt", "no picture"},
                    {"top/people/.thumbs/t.png", "damaged"},
                    {"__MACOSX/top/people/Bob/._2.png", "damaged"}};
} // namespace

TEST(ImportFolderTest, OneFolderIsOneClassSortedByName) {
    const TemporaryFolder folder;
    write_zip(folder / "people.zip", kPeople);
    write_folder(folder / "people", kPeople);
    FolderOptions options;
    options.size = 4;
    const Dataset data = import_folder(folder / "people.zip", options);
    EXPECT_EQ(data.info().classes, 2);
    EXPECT_EQ(data.info().channels, 3);
    EXPECT_EQ(data.class_name(0), "Ann");
    EXPECT_EQ(data.class_name(1), "Bob");
    EXPECT_EQ(data.count_of(0), 1);
    EXPECT_EQ(data.count_of(1), 2);
    EXPECT_EQ(data.image(1)[0], 10); // "10.png" before "2.png"
    EXPECT_EQ(data.image(2)[0], 20);
    EXPECT_EQ(data.info().polarity, "colour");
    EXPECT_EQ(import_folder(folder / "people", options).info().sha256, data.info().sha256);
}

TEST(ImportFolderTest, ColourIsKeptOrTurnedToGrey) {
    const TemporaryFolder folder;
    write_folder(folder.path(), {{"a/1.jpg", rgb_jpeg(16, 16, 200, 100, 50)}});
    FolderOptions options;
    options.size = 4;
    const Dataset colour = import_folder(folder.path(), options);
    for (size_t i = 0; i < 16; ++i) { // JPEG's own error
        EXPECT_NEAR(colour.image(0)[i], 200, 2);
        EXPECT_NEAR(colour.image(0)[16 + i], 100, 2);
        EXPECT_NEAR(colour.image(0)[32 + i], 50, 2);
    }
    options.channels = 1;
    const Dataset grey = import_folder(folder.path(), options);
    EXPECT_NEAR(grey.image(0)[0], 0.299 * 200 + 0.587 * 100 + 0.114 * 50, 2);
}

TEST(ImportFolderTest, GreyOfColourPngIsItsLuma) {
    const TemporaryFolder folder;
    write_folder(folder.path(),
                 {{"a/1.png", encode_png(1, 1, 3, std::vector<uint8_t>{200, 100, 50})}});
    FolderOptions options;
    options.size = options.channels = 1;
    EXPECT_EQ(import_folder(folder.path(), options).image(0)[0], 124); // 124.2
}

TEST(ImportFolderTest, TakesTheCentralSquareThenScales) {
    const TemporaryFolder folder;
    std::vector<uint8_t> wide(8 * 20);
    for (size_t i = 0; i < wide.size(); ++i) wide[i] = static_cast<uint8_t>(i);
    write_folder(folder.path(), {{"a/1.png", encode_png(20, 8, 1, wide)}});
    FolderOptions options{4, 1, Resampling::bilinear, "ink_is_low", "mine"};
    const Dataset data = import_folder(folder.path(), options);
    EXPECT_TRUE(std::ranges::equal(
        data.image(0), resample(centre_square(wide, 1, 8, 20), 1, 8, 8, 4, Resampling::bilinear)));
    EXPECT_EQ(data.info().polarity, "ink_is_low");
    EXPECT_EQ(data.info().licence, "mine");
    options.polarity = "dark";
    expect_refused([&] { import_folder(folder.path(), options); }, {"polarity", "dark"});
}

TEST(ImportFolderTest, LooseForeignAndDamagedPicturesAreRefusedByName) {
    const TemporaryFolder folder;
    write_folder(folder / "loose", {{"1.png", grey_png(4, 4, 1)}});
    expect_refused([&] { import_folder(folder / "loose"); }, {"1.png", "one folder per class"});
    write_folder(folder / "none", {{"a/readme.txt", "x"}});
    expect_refused([&] { import_folder(folder / "none"); }, {"none", "no PNG or JPEG"});
    write_folder(folder / "fake", {{"a/1.png", "text"}});
    expect_refused([&] { import_folder(folder / "fake"); }, {"a/1.png", "neither PNG nor JPEG"});
    const std::string jpeg = rgb_jpeg(64, 64, 10, 200, 30);
    write_folder(folder / "cut", {{"a/1.jpg", jpeg.substr(0, jpeg.size() / 2)}});
    expect_refused([&] { import_folder(folder / "cut"); }, {"a/1.jpg", "JPEG"});
    write_folder(folder / "cutpng", {{"a/1.png", grey_png(64, 64, 3).substr(0, 60)}});
    expect_refused([&] { import_folder(folder / "cutpng"); }, {"a/1.png", "PNG"});
}

TEST(ImportPicturesTest, KeepsTheOrderAndScalesLikeAFolder) {
    const TemporaryFolder folder;
    write_folder(folder.path(),
                 {{"z.png", grey_png(12, 8, 20)}, {"a.jpg", rgb_jpeg(16, 16, 90, 90, 90)}});
    const Dataset pictures =
        import_pictures({folder / "z.png", folder / "a.jpg"}, {.size = 4, .channels = 1});
    EXPECT_EQ(pictures.info().images, 2);
    EXPECT_EQ(pictures.class_name(0), (folder / "z.png").string());
    EXPECT_EQ(pictures.image(0).size(), 16U);
    EXPECT_EQ(pictures.image(0)[0], 20);
    EXPECT_NEAR(pictures.image(1)[0], 90, 2);
}

TEST(ImportPicturesTest, FilesThatAreNotPicturesAreRefusedByName) {
    const TemporaryFolder folder;
    write_folder(folder.path(), {{"text.png", "no picture"}});
    expect_refused([&] { import_pictures({folder / "text.png"}); }, {"text.png"});
    expect_refused([&] { import_pictures({folder / "gone.png"}); }, {"gone.png", "no such file"});
}

} // namespace dagan::data::test
