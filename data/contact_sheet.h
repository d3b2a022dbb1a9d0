// Pictures for people: PNG files, and images of a data set laid out as a grid. A Picture's pixels are interleaved (RGBRGB...),
// rows from the top, while the images of data sets are planar [C, H, W].
#pragma once

#include "data/dataset.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace dagan::data {

struct Picture {
    int width = 0, height = 0, channels = 1; // 1 grey, 3 RGB
    std::vector<uint8_t> pixels;             // height * width * channels
};

struct GridStyle {
    int scale = 1;            // each pixel becomes scale x scale
    int gap = 2;              // pixels between images and around them
    uint8_t gap_value = 0xB0; // grey, to be seen beside ink and paper alike
};

// Planar images [N, C, size, size] side by side, `columns` in a row.
Picture image_grid(std::span<const uint8_t> images, int channels, int size, int columns,
                   GridStyle style = {});

// One row for each of up to `max_classes` classes (evenly spread over all), with its first `images_per_class` images; a class
// with fewer leaves its row's rest empty.
Picture contact_sheet(const Dataset& data, int max_classes = 20, int images_per_class = 20,
                      GridStyle style = {});

// The bytes of an 8-bit PNG of interleaved pixels; 1 or 3 channels.
std::string encode_png(int width, int height, int channels, std::span<const uint8_t> pixels);
inline std::string encode_png(const Picture& picture) {
    return encode_png(picture.width, picture.height, picture.channels, picture.pixels);
}

// Writes it atomically. Throws Blame::system when it cannot be written.
void write_png(const std::filesystem::path& path, int width, int height, int channels,
               std::span<const uint8_t> pixels);
inline void write_png(const std::filesystem::path& path, const Picture& picture) {
    write_png(path, picture.width, picture.height, picture.channels, picture.pixels);
}

} // namespace dagan::data
