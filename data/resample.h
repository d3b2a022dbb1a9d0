// Image scaling with both methods defined to the last bit, private to this module.
#pragma once

#include "data/import.h"

#include <cstdint>
#include <span>
#include <vector>

namespace dagan::data {

// Scales a planar image [C, height, width] to [C, size, size]; results are rounded to nearest (halves up).
std::vector<uint8_t> resample(std::span<const uint8_t> image, int channels, int height, int width,
                              int size, Resampling how);

// The central square of a planar image, of the shorter side's length; an odd pixel is lost on the right or at the bottom.
std::vector<uint8_t> centre_square(std::span<const uint8_t> image, int channels, int height,
                                   int width);

} // namespace dagan::data
