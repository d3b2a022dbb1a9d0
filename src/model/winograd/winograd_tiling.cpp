#include "model/winograd/winograd_tiling.h"

#include <algorithm>
#include <numeric>

namespace dagan::model::winograd {

namespace {

constexpr int kShort = kOutput - 1, kTiny = 2;

// Cuts n pixels into tiles of 4, and of 3, which have fewer points, where these cover n too:
// 14 = 4 + 4 + 3 + 3.
std::vector<int> cut_into_tiles(int n) {
    const int count = (n + kOutput - 1) / kOutput, three = std::min(count, count * kOutput - n);
    std::vector<int> lengths(static_cast<size_t>(count), kOutput);
    std::fill(lengths.end() - three, lengths.end(), kShort);
    return lengths;
}

// Returns 0 narrow, 1 whole, 2 flat, 3 small.
int group_of(int rows, int columns) {
    return rows == kOutput ? (columns == kOutput ? 1 : 0) : (columns == kOutput ? 2 : 3);
}

} // namespace

Tiling::Tiling(const Scheme& scheme, int height, int width) : scheme_(scheme) {
    if (height <= kTiny && width <= kTiny) {
        longest_ = kTiny;
        tiles_.push_back({.rows = kTiny, .columns = kTiny, .group = 3});
        group_sizes_[3] = 1;
        return;
    }
    int top = 0;
    for (const int rows : cut_into_tiles(height)) {
        int left = 0;
        for (const int columns : cut_into_tiles(width)) {
            const int group = group_of(rows, columns);
            tiles_.push_back(
                {top, left, rows, columns, group, group_sizes_[static_cast<size_t>(group)]++});
            left += columns;
        }
        top += rows;
    }
}

int Tiling::row(const Tile& tile, int image, int images) const {
    return tiles_before(tile.group) * images +
           image * group_sizes_[static_cast<size_t>(tile.group)] + tile.index;
}

std::pair<int, int> Tiling::rows_with(int point, int images) const {
    int first = 0, end = static_cast<int>(group_sizes_.size());
    while (first < end && !group_has(first, point)) ++first;
    while (end > first && !group_has(end - 1, point)) --end;
    return {tiles_before(first) * images, tiles_before(end) * images};
}

bool Tiling::group_has(int group, int point) const {
    const int shorter = longest_ == kTiny ? kTiny : kShort;
    const int rows = group < 2 ? longest_ : shorter,
              columns = group == 1 || group == 2 ? longest_ : shorter;
    return scheme_.has_point(rows, point / scheme_.patch()) &&
           scheme_.has_point(columns, point % scheme_.patch());
}

int Tiling::tiles_before(int group) const {
    return std::accumulate(group_sizes_.begin(), group_sizes_.begin() + group, 0);
}

int images_per_chunk(int images, int tiles, int64_t floats_per_tile, int64_t kernel_floats) {
    // Size of the spectra of a chunk.
    constexpr int64_t kChunkFloats = int64_t{1} << 19;
    // With fewer rows, reading the kernel's spectrum would dominate.
    constexpr int kMinRows = 96;
    const int64_t all = images * tiles * floats_per_tile;
    if (kernel_floats > 2 * kChunkFloats && all < 4 * kernel_floats) return images;
    const int64_t rows = std::max<int64_t>(kChunkFloats / floats_per_tile, kMinRows);
    const int max_images = static_cast<int>(std::max<int64_t>(rows / tiles, 1));
    const int chunks = (images + max_images - 1) / max_images,
              balanced = (images + chunks - 1) / chunks;
    constexpr int kImageMultiple = 4; // the images of a chunk are divided over threads
    return balanced <= kImageMultiple
               ? balanced
               : (balanced + kImageMultiple - 1) / kImageMultiple * kImageMultiple;
}

} // namespace dagan::model::winograd
