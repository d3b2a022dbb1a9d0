#include "data/contact_sheet.h"

#include "base/file.h"
#include "data/image_codec.h"
#include "data/support.h"

namespace dagan::data::test {

TEST(ContactSheetTest, PngRoundTripsPixelByPixel) {
    const TemporaryFolder folder;
    const std::vector<uint8_t> grey{0, 50, 255, 1, 2, 3}, rgb{1, 2, 3, 4, 5, 6};
    write_png(folder / "grey.png", 3, 2, 1, grey);
    const PlanarImage back = decode_image(read_file(folder / "grey.png"), 1, "grey.png");
    EXPECT_EQ(back.width, 3);
    EXPECT_EQ(back.height, 2);
    EXPECT_EQ(back.pixels, grey);
    EXPECT_EQ(decode_image(encode_png(2, 1, 3, rgb), 3, "rgb.png").pixels,
              (std::vector<uint8_t>{1, 4, 2, 5, 3, 6})); // planes
    EXPECT_THROW(encode_png(2, 2, 1, grey), Error);
}

TEST(ContactSheetTest, GridPutsImagesInRowsWithGaps) {
    const std::vector<uint8_t> images{1, 2, 3}; // three images of one pixel, two columns
    const Picture sheet = image_grid(images, 1, 1, 2, {1, 1, 9});
    EXPECT_EQ(sheet.width, 5);
    EXPECT_EQ(sheet.height, 5);
    EXPECT_EQ(sheet.pixels, (std::vector<uint8_t>{9, 9, 9, 9, 9, //
                                                  9, 1, 9, 2, 9, //
                                                  9, 9, 9, 9, 9, //
                                                  9, 3, 9, 9, 9, //
                                                  9, 9, 9, 9, 9}));
}

TEST(ContactSheetTest, ScaleRepeatsPixelsAndPlanesBecomeInterleaved) {
    const std::vector<uint8_t> image{1, 2, 3}; // one pixel of three channels
    const Picture sheet = image_grid(image, 3, 1, 1, {2, 0, 9});
    EXPECT_EQ(sheet.pixels, (std::vector<uint8_t>{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}));
}

TEST(ContactSheetTest, EachRowIsAClassAndShortClassesLeaveItsEndEmpty) {
    const Dataset data = random_dataset({1, 3, 2}, 1, 4, 1);
    const GridStyle style{1, 0, 77};
    const Picture sheet = contact_sheet(data, 10, 3, style);
    EXPECT_EQ(sheet.width, 12);
    EXPECT_EQ(sheet.height, 12);
    EXPECT_EQ(sheet.pixels[0], data.image(0)[0]);
    EXPECT_EQ(sheet.pixels[4], 77);                        // the first class has one image
    EXPECT_EQ(sheet.pixels[4 * 12 + 8], data.image(3)[0]); // third image of the second class
    EXPECT_EQ(contact_sheet(data, 2, 2, style).height, 8);
}

} // namespace dagan::data::test
