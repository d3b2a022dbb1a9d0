// PNG and JPEG files to planar 8-bit images, private to this module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dagan::data {

struct PlanarImage {
    int channels = 0, height = 0, width = 0;
    std::vector<uint8_t> pixels; // [C, height, width]
};

// Decodes a PNG or JPEG to 1 or 3 channels. Colour becomes grey by Rec. 601 luma; transparent pixels lie on white. `name` stands
// in the Blame::input that a damaged or foreign file throws.
PlanarImage decode_image(std::string_view bytes, int channels, const std::string& name);

} // namespace dagan::data
