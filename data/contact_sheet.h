// Pictures for people: PNG files, and images of a data set laid out as a grid.
//
// A Picture's pixels are interleaved (RGBRGB...), rows from the top. Images of data sets are
// planar, [C, H, W].
#pragma once

#include "data/dataset.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace dagan::data {

struct Picture {
    // channels: 1 grey, 3 RGB.
    int width = 0, height = 0, channels = 1;
    // [height, width, channels].
    std::vector<uint8_t> pixels;
};

struct GridStyle {
    // Each pixel becomes scale x scale pixels; at least 1.
    int scale = 1;
    // Pixels between and around images; at least 0.
    int gap = 2;
    // Grey, to contrast with both ink and paper.
    uint8_t gap_value = 0xB0;
};

// Lays out planar images [N, C, size, size], N >= 1, row by row with `columns` in a row.
Picture image_grid(std::span<const uint8_t> images, int channels, int size, int columns,
                   GridStyle style = {});

// Lays out one row for each of up to `max_classes` classes (evenly spaced over all), with its first
// `images_per_class` images. Places without an image keep the gap's colour.
Picture contact_sheet(const Dataset& data, int max_classes = 20, int images_per_class = 20,
                      GridStyle style = {});

// Returns the bytes of an 8-bit PNG. `pixels`: [height, width, channels], channels 1 or 3.
std::string encode_png(int width, int height, int channels, std::span<const uint8_t> pixels);
inline std::string encode_png(const Picture& picture) {
    return encode_png(picture.width, picture.height, picture.channels, picture.pixels);
}

// Writes the PNG atomically. Throws Blame::system if it cannot be written.
void write_png(const std::filesystem::path& path, int width, int height, int channels,
               std::span<const uint8_t> pixels);
inline void write_png(const std::filesystem::path& path, const Picture& picture) {
    write_png(path, picture.width, picture.height, picture.channels, picture.pixels);
}

} // namespace dagan::data
