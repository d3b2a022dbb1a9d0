#include "data/contact_sheet.h"
#include "data/import.h"
#include "data/resample.h"
#include "data/support.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::data::test {

namespace {
// The pixels of class `number`, drawer `drawer` before scaling: 9 x 9, one black and one
// identifying pixel.
std::vector<uint8_t> drawing(int number, int drawer) {
    std::vector<uint8_t> pixels(81, 255);
    pixels[0] = 0;
    pixels[40] = static_cast<uint8_t>(10 * number + drawer);
    return pixels;
}

Files character(const std::string& root, const std::string& alphabet, int in_alphabet, int number,
                int drawers = 20) {
    Files files;
    for (int drawer = 1; drawer <= drawers; ++drawer) {
        files[fmt::format("{}/{}/character{:02}/{:04}_{:02}.png", root, alphabet, in_alphabet,
                          number, drawer)] = encode_png(9, 9, 1, drawing(number, drawer));
    }
    return files;
}

Files operator+(Files a, const Files& b) {
    a.insert(b.begin(), b.end());
    return a;
}

// Classes 1 to 4, their alphabets in an order that is not that of the numbers.
const Files kBackground =
    character("images_background", "Zeta", 1, 1) + character("images_background", "Alpha", 1, 2);
const Files kEvaluation =
    character("images_evaluation", "Beta", 2, 3) + character("images_evaluation", "Alef", 1, 4);
constexpr OmniglotOptions kKeepSize{9, Resampling::bilinear};
} // namespace

TEST(ImportOmniglotTest, ClassesFollowTheirNumbersFromZipsFoldersAndMixtures) {
    const TemporaryFolder folder;
    write_zip(folder / "background.zip", kBackground);
    write_zip(folder / "evaluation.zip", kEvaluation);
    write_folder(folder / "unpacked", kBackground + kEvaluation);
    const Dataset data =
        import_omniglot({folder / "evaluation.zip", folder / "background.zip"}, kKeepSize);
    EXPECT_EQ(data.info().classes, 4);
    EXPECT_EQ(data.info().images, 80);
    EXPECT_EQ(data.info().polarity, "ink_is_low");
    const std::vector<std::string> names{"Zeta/character01", "Alpha/character01",
                                         "Beta/character02", "Alef/character01"};
    for (int label = 0; label < 4; ++label) {
        EXPECT_EQ(data.class_name(label), names[static_cast<size_t>(label)]);
        for (int drawer = 1; drawer <= 20; ++drawer) {
            EXPECT_TRUE(std::ranges::equal(data.image(data.first_of(label) + drawer - 1),
                                           drawing(label + 1, drawer)));
        }
    }
    EXPECT_EQ(import_omniglot({folder / "unpacked"}, kKeepSize).info().sha256, data.info().sha256);
    EXPECT_EQ(import_omniglot(
                  {folder / "background.zip", folder / "unpacked" / "images_evaluation"}, kKeepSize)
                  .info()
                  .sha256,
              data.info().sha256);
}

TEST(ImportOmniglotTest, ScalesByTheChosenMethod) {
    const TemporaryFolder folder;
    write_folder(folder.path(), kBackground);
    for (const Resampling how : {Resampling::bilinear, Resampling::area}) {
        const Dataset data = import_omniglot({folder.path()}, {4, how});
        EXPECT_TRUE(std::ranges::equal(data.image(25), resample(drawing(2, 6), 1, 9, 9, 4, how)));
    }
}

TEST(ImportOmniglotTest, MissingClassesDrawingsAndSourcesAreNamed) {
    const TemporaryFolder folder;
    write_zip(folder / "evaluation.zip", kEvaluation);
    expect_refused([&] { import_omniglot({folder / "evaluation.zip"}, kKeepSize); },
                   {"class 0001 is missing", "both zips"});
    write_folder(folder / "short", kBackground + character("images_evaluation", "Beta", 1, 3, 19));
    expect_refused([&] { import_omniglot({folder / "short"}, kKeepSize); },
                   {"class 0003", "19 drawings"});
    expect_refused([&] { import_omniglot({folder / "none.zip"}, kKeepSize); },
                   {"none.zip", "no such file"});
    write_folder(folder / "empty", {{"readme.txt", "hello"}});
    expect_refused([&] { import_omniglot({folder / "empty"}, kKeepSize); },
                   {"empty", "contains no", "images_background.zip"});
    expect_refused([&] { import_omniglot({}, kKeepSize); }, {"no source"});
}

TEST(ImportOmniglotTest, ASourceGivenTwiceIsRefused) {
    const TemporaryFolder folder;
    write_zip(folder / "background.zip", kBackground);
    expect_refused(
        [&] {
            import_omniglot({folder / "background.zip", folder / "background.zip"}, kKeepSize);
        },
        {"background.zip", "given twice"});
}

TEST(ImportOmniglotTest, ADamagedImageOrArchiveIsNamed) {
    const TemporaryFolder folder;
    Files files = kBackground;
    std::string& png = files["images_background/Zeta/character01/0001_07.png"];
    png[png.size() / 2] ^= 0x55;
    write_zip(folder / "bad.zip", files);
    expect_refused([&] { import_omniglot({folder / "bad.zip"}, kKeepSize); },
                   {"bad.zip", "0001_07.png", "PNG"});
    write_zip(folder / "cut.zip", kBackground);
    std::filesystem::resize_file(folder / "cut.zip",
                                 std::filesystem::file_size(folder / "cut.zip") / 2);
    expect_refused([&] { import_omniglot({folder / "cut.zip"}, kKeepSize); }, {"cut.zip"});
    write_file(folder / "text.zip", "no archive");
    expect_refused([&] { import_omniglot({folder / "text.zip"}, kKeepSize); }, {"text.zip"});
}

} // namespace dagan::data::test
