// Rotates and shifts one planar image. Internal to data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace dagan::data {

// Writes `in`, rotated by quarter_turns (0 .. 3) * 90 degrees counter-clockwise, to `out`. Both are
// [channels, size, size] and must not overlap.
template <class T>
void rotate_image(std::span<const T> in, std::span<T> out, int channels, int size,
                  int quarter_turns) {
    const auto n = static_cast<size_t>(size);
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        const T* from = in.data() + c * n * n;
        T* to = out.data() + c * n * n;
        for (size_t y = 0; y < n; ++y) {
            for (size_t x = 0; x < n; ++x, ++to) {
                switch (quarter_turns) {
                case 0: *to = from[y * n + x]; break;
                case 1: *to = from[x * n + (n - 1 - y)]; break;
                case 2: *to = from[(n - 1 - y) * n + (n - 1 - x)]; break;
                default: *to = from[(n - 1 - x) * n + y]; break;
                }
            }
        }
    }
}

// Writes `in`, moved right by dx and down by dy pixels, to `out`. Both are [channels, size, size]
// and must not overlap. Vacated pixels become *fill, or the nearest edge pixel if `fill` is null.
template <class T>
void shift_image(std::span<const T> in, std::span<T> out, int channels, int size, int dx, int dy,
                 const T* fill) {
    for (int c = 0; c < channels; ++c) {
        const size_t plane =
            static_cast<size_t>(c) * static_cast<size_t>(size) * static_cast<size_t>(size);
        for (int y = 0; y < size; ++y) {
            for (int x = 0; x < size; ++x) {
                const int sy = std::clamp(y - dy, 0, size - 1),
                          sx = std::clamp(x - dx, 0, size - 1);
                const bool inside = sy == y - dy && sx == x - dx;
                out[plane + static_cast<size_t>(y * size + x)] =
                    inside || fill == nullptr ? in[plane + static_cast<size_t>(sy * size + sx)]
                                              : *fill;
            }
        }
    }
}

} // namespace dagan::data
