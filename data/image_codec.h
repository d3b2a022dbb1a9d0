// Decodes PNG and JPEG files to planar 8-bit images. Internal to data. (contact_sheet.h encodes.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dagan::data {

struct PlanarImage {
    int channels = 0, height = 0, width = 0;
    // [C, height, width].
    std::vector<uint8_t> pixels;
};

// Decodes the bytes of a PNG or JPEG file to 1 or 3 channels, at most 16384 pixels on a side.
// Colour becomes grey by Rec. 601 luma; transparent pixels are placed on white. Ignores EXIF
// orientation.
// Throws Blame::input, beginning with `name`, if the file is damaged or of another format.
PlanarImage decode_image(std::string_view bytes, int channels, const std::string& name);

} // namespace dagan::data
