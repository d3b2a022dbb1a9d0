// Scales images by methods that are defined to the last bit. Internal to data.
#pragma once

#include "data/import.h"

#include <cstdint>
#include <span>
#include <vector>

namespace dagan::data {

// Scales a planar image [channels, height, width] to [channels, size, size], each at least 1
// (docs/reference/model.md, eq. (37)). Results are rounded to nearest, halves up.
std::vector<uint8_t> resample(std::span<const uint8_t> image, int channels, int height, int width,
                              int size, Resampling how);

// Returns the central square of a planar image, as wide as its shorter side. If an odd number of
// pixels is cut, the extra one is on the right or at the bottom.
std::vector<uint8_t> centre_square(std::span<const uint8_t> image, int channels, int height,
                                   int width);

} // namespace dagan::data
