#include "data/resample.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>

namespace dagan::data {

namespace {
// The source pixels of one target pixel of a line, with their weights, which sum to 1.
struct Tap {
    size_t first = 0;
    std::vector<double> weights;
};

Tap bilinear_tap(int target, int in, int out) {
    const double position = (target + 0.5) * in / out - 0.5;
    const double low = std::floor(position);
    const int first = std::clamp(static_cast<int>(low), 0, in - 1);
    const int second = std::clamp(static_cast<int>(low) + 1, 0, in - 1);
    if (first == second) return {static_cast<size_t>(first), {1.0}};
    return {static_cast<size_t>(first), {1.0 - (position - low), position - low}};
}

Tap area_tap(int target, int in, int out) {
    const double scale = static_cast<double>(in) / out;
    const double begin = target * scale,
                 end = std::min((target + 1) * scale, static_cast<double>(in));
    Tap tap{static_cast<size_t>(begin), {}};
    for (auto pixel = static_cast<double>(tap.first); pixel < end; ++pixel) {
        tap.weights.push_back((std::min(end, pixel + 1) - std::max(begin, pixel)) / (end - begin));
    }
    return tap;
}

std::vector<Tap> taps(int in, int out, Resampling how) {
    std::vector<Tap> all;
    for (int target = 0; target < out; ++target) {
        all.push_back(how == Resampling::bilinear ? bilinear_tap(target, in, out)
                                                  : area_tap(target, in, out));
    }
    return all;
}

double weighted(const Tap& column, const uint8_t* row) {
    double sum = 0;
    for (size_t i = 0; i < column.weights.size(); ++i)
        sum += column.weights[i] * row[column.first + i];
    return sum;
}
} // namespace

std::vector<uint8_t> resample(std::span<const uint8_t> image, int channels, int height, int width,
                              int size, Resampling how) {
    const auto w = static_cast<size_t>(width), plane = static_cast<size_t>(height) * w;
    require(image.size() == static_cast<size_t>(channels) * plane && height > 0 && width > 0 &&
                size > 0,
            "an image to scale");
    const std::vector<Tap> rows = taps(height, size, how), columns = taps(width, size, how);
    std::vector<uint8_t> out;
    out.reserve(static_cast<size_t>(channels) * rows.size() * columns.size());
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        for (const Tap& row : rows) {
            for (const Tap& column : columns) {
                double sum = 0;
                for (size_t i = 0; i < row.weights.size(); ++i) {
                    sum += row.weights[i] *
                           weighted(column, image.data() + c * plane + (row.first + i) * w);
                }
                out.push_back(static_cast<uint8_t>(std::floor(std::clamp(sum, 0.0, 255.0) + 0.5)));
            }
        }
    }
    return out;
}

std::vector<uint8_t> centre_square(std::span<const uint8_t> image, int channels, int height,
                                   int width) {
    const int side = std::min(height, width);
    const int top = (height - side) / 2, left = (width - side) / 2;
    std::vector<uint8_t> out;
    out.reserve(static_cast<size_t>(channels) * static_cast<size_t>(side) *
                static_cast<size_t>(side));
    for (int c = 0; c < channels; ++c) {
        for (int y = 0; y < side; ++y) {
            const auto begin = (static_cast<size_t>(c) * static_cast<size_t>(height) +
                                static_cast<size_t>(top + y)) *
                                   static_cast<size_t>(width) +
                               static_cast<size_t>(left);
            const auto row = image.subspan(begin, static_cast<size_t>(side));
            out.insert(out.end(), row.begin(), row.end());
        }
    }
    return out;
}

} // namespace dagan::data
