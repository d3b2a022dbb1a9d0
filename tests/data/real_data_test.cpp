// The importers on the real sets (docs/reference/model.md, checks 22, 23 and 24), which are beside
// the source tree. If they are missing, these tests skip, or fail if CI=true.
#include "data/import.h"
#include "data/roles.h"
#include "data/support.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

namespace dagan::data::test {

namespace fs = std::filesystem;

namespace {
const fs::path kData = fs::path(DAGAN_SOURCE_DIR) / ".." / "shared" / "data";

bool in_ci() {
    const char* value = std::getenv("CI");
    return value != nullptr && std::string(value) == "true";
}

#define NEEDS_REAL_DATA(path)                                                                      \
    if (!fs::exists(path)) {                                                                       \
        if (in_ci()) FAIL() << "missing: " << (path);                                              \
        GTEST_SKIP() << "missing: " << (path);                                                     \
    }

const Dataset& real_omniglot() {
    static const Dataset data = import_omniglot({kData / "omniglot" / "images_background.zip",
                                                 kData / "omniglot" / "images_evaluation.zip"});
    return data;
}

// Mean ink (0 to 1) of rows [top, bottom) and columns [left, right) over some images of a class.
double mean_ink(const Dataset& data, int label, int images, size_t top, size_t bottom, size_t left,
                size_t right) {
    double sum = 0;
    for (int k = 0; k < images; ++k) {
        const auto image = data.image(data.first_of(label) + k);
        for (size_t y = top; y < bottom; ++y) {
            for (size_t x = left; x < right; ++x) sum += 1 - image[y * 28 + x] / 255.0;
        }
    }
    return sum / (images * static_cast<double>((bottom - top) * (right - left)));
}
} // namespace

TEST(RealOmniglotTest, Has1623ClassesOf20InTheOrderOfTheirNumbers) {
    NEEDS_REAL_DATA(kData / "omniglot" / "images_background.zip");
    const Dataset& data = real_omniglot();
    EXPECT_EQ(data.info().classes, 1623);
    EXPECT_EQ(data.info().images, 32460);
    EXPECT_EQ(data.info().smallest_class, 20);
    EXPECT_EQ(data.info().largest_class, 20);
    EXPECT_EQ(data.class_name(963), "Tifinagh/character55"); // 0964, the last of the background zip
    EXPECT_EQ(data.class_name(964), "Angelic/character01"); // 0965, the first of the evaluation zip
    EXPECT_EQ(data.class_name(1622), "ULOG/character26");
    const auto white = std::ranges::count(data.pixels(), uint8_t{255});
    EXPECT_GT(static_cast<double>(white) / static_cast<double>(data.pixels().size()), 0.8);
    EXPECT_GT(std::ranges::count(data.pixels(), uint8_t{0}), 0);
}

TEST(RealOmniglotTest, OnlyTheKnownDuplicateIsADuplicate) {
    NEEDS_REAL_DATA(kData / "omniglot" / "images_background.zip");
    const Dataset& data = real_omniglot();
    std::map<std::string, int> seen;
    std::vector<std::pair<int, int>> twins;
    for (int i = 0; i < data.info().images; ++i) {
        const auto [place, is_new] =
            seen.emplace(std::string(data.image(i).begin(), data.image(i).end()), i);
        // Scaling makes a few drawings of a line or a dot equal, also across classes.
        if (!is_new) twins.emplace_back(place->second, i);
    }
    const std::pair braille{191 * 20 + 2, 191 * 20 + 18}; // 0192_03 = 0192_19
    EXPECT_NE(std::ranges::find(twins, braille), twins.end());
    EXPECT_LT(twins.size(), 20U);
}

TEST(RealOmniglotTest, CasesOfTheFullProtocolHaveThePublishedCounts) {
    NEEDS_REAL_DATA(kData / "omniglot" / "images_background.zip");
    const Dataset& data = real_omniglot();
    DatasetRef ref = reference_to(data);
    ref.options.split = {{0, 1200}, {1200, 1412}, {1412, 1623}};
    const auto cases = draw_cases(data, ref, Softmax::all, 15, 1);
    EXPECT_EQ(cases.classes, 1623);
    EXPECT_EQ(cases.training.size(), 1623U * 15);
    EXPECT_EQ(cases.validation.size(), 636U);
    EXPECT_EQ(cases.test.size(), 422U);
    EXPECT_EQ(draw_cases(data, ref, Softmax::held_out, 5, 1).classes, 423);
    EXPECT_EQ(draw_cases(data, ref, Softmax::target, 5, 1).classes, 211);
    expect_refused([&] { draw_cases(data, ref, Softmax::all, 16, 1); },
                   {"has 20 images", "need 21"});
}

// Returns the two neighbouring sides of its bounding box that an image's ink follows: "left bottom"
// for an upright L. Returns "" for images of no such corner (the class also has l, often a slanted
// line).
std::string corner_of(std::span<const uint8_t> image) {
    size_t top = 28, bottom = 0, left = 28, right = 0;
    const auto ink = [&](size_t y, size_t x) { return image[y * 28 + x] < 128; };
    for (size_t y = 0; y < 28; ++y) {
        for (size_t x = 0; x < 28; ++x) {
            if (!ink(y, x)) continue;
            top = std::min(top, y), bottom = std::max(bottom, y + 1), left = std::min(left, x),
            right = std::max(right, x + 1);
        }
    }
    if (bottom < top + 12 || right < left + 9) return "";
    // Whether there is ink within a quarter of the box along 90 % of a side.
    const size_t deep_y = (bottom - top) / 4, deep_x = (right - left) / 4;
    const auto along_x = [&](size_t from, size_t to) {
        double inked = 0;
        for (size_t x = left; x < right; ++x) {
            bool any = false;
            for (size_t y = from; y < to; ++y) any = any || ink(y, x);
            inked += any;
        }
        return inked / static_cast<double>(right - left) > 0.9;
    };
    const auto along_y = [&](size_t from, size_t to) {
        double inked = 0;
        for (size_t y = top; y < bottom; ++y) {
            bool any = false;
            for (size_t x = from; x < to; ++x) any = any || ink(y, x);
            inked += any;
        }
        return inked / static_cast<double>(bottom - top) > 0.9;
    };
    std::string sides;
    if (along_y(left, left + deep_x)) sides += "left ";
    if (along_y(right - deep_x, right)) sides += "right ";
    if (along_x(top, top + deep_y)) sides += "top";
    if (along_x(bottom - deep_y, bottom)) sides += "bottom";
    return sides;
}

// docs/reference/model.md, check 23: the stem of an L is left and its bar at the bottom; the bar of
// a 7 is at the top.
TEST(RealEmnistTest, LettersStandUprightDarkOnWhite) {
    const fs::path images = kData / "emnist" / "emnist-bymerge-test-images-idx3-ubyte.gz";
    const fs::path labels = kData / "emnist" / "emnist-bymerge-test-labels-idx1-ubyte.gz";
    NEEDS_REAL_DATA(images);
    const Dataset data = import_emnist({images, labels, images, labels});
    EXPECT_EQ(data.info().classes, 47);
    EXPECT_EQ(data.info().images, 2 * 116323);
    const int seven = 7, l = 21; // "L" by its place in A-Z
    ASSERT_EQ(data.class_name(seven), "7");
    ASSERT_EQ(data.class_name(l), "L");
    EXPECT_GT(mean_ink(data, seven, 500, 3, 9, 4, 24),
              1.3 * mean_ink(data, seven, 500, 19, 25, 4, 24));
    std::map<std::string, int> corners;
    for (int k = 0; k < data.count_of(l) / 2; ++k)
        ++corners[corner_of(data.image(data.first_of(l) + k))];
    EXPECT_GT(corners["left bottom"], 50);
    EXPECT_GT(corners["left bottom"],
              10 * (corners["left top"] + corners["right top"] + corners["right bottom"]));
    EXPECT_LT(mean_ink(data, seven, 500, 0, 28, 0, 2), 0.01) << "the border is paper, 255";
    EXPECT_GT(mean_ink(data, seven, 500, 4, 24, 4, 24), 0.1);
}

TEST(RealFacesTest, TheZipOfFacesHasOneClassPerPerson) {
    const fs::path zip = kData / "lfw" / "lfw_faces.zip";
    NEEDS_REAL_DATA(zip);
    FolderOptions options;
    options.size = 32;
    const Dataset data = import_folder(zip, options);
    EXPECT_EQ(data.info().classes, 217);
    EXPECT_EQ(data.info().channels, 3);
    EXPECT_GE(data.info().smallest_class, 8);
    EXPECT_LE(data.info().largest_class, 20);
    EXPECT_EQ(data.class_name(0), "Abdullah_Gul");
    EXPECT_EQ(data.class_name(216), "Zhu_Rongji");
}

} // namespace dagan::data::test
