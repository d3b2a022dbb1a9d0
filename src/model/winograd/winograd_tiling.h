// How a computation (winograd_computation.h) cuts maps into tiles, and the row of each tile in a
// spectrum. The header winograd_kernels.h has a picture.
#pragma once

#include "model/winograd/winograd_kernels.h"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace dagan::model::winograd {

// A tile of an image: its first output pixel and its size, 4 or 3 on each side, or 2x2.
struct Tile {
    int top = 0, left = 0, rows = 0, columns = 0;
    // Shape of the tile, and its index among the tiles of this shape.
    int group = 0, index = 0;
};

// The tiles of an image. The rows of a spectrum are ordered by the shape of the tile (narrow,
// whole, flat, small), each for all images. Then the rows that have a given point are contiguous.
class Tiling {
  public:
    Tiling() = default;
    // `height` and `width` of the output.
    Tiling(const Scheme& scheme, int height, int width);

    const std::vector<Tile>& tiles() const { return tiles_; }
    int count() const { return static_cast<int>(tiles_.size()); }
    // 4, or 2 for an output of at most 2x2.
    int longest() const { return longest_; }
    // The row of a tile of `image` in spectra of `images` images.
    int row(const Tile& tile, int image, int images) const;
    // The rows [first, second) that have the point, one of scheme.points(), in spectra of `images`
    // images.
    std::pair<int, int> rows_with(int point, int images) const;

  private:
    bool group_has(int group, int point) const;
    int tiles_before(int group) const;

    Scheme scheme_;
    std::vector<Tile> tiles_;
    std::array<int, 4> group_sizes_{};
    int longest_ = kOutput;
};

// Returns how many images are processed at a time. If the kernel's spectra are small: few images,
// so that their spectra stay in the cache between the steps. If the kernel's spectra are the larger
// ones: all images, so that each spectrum of the kernel is made and used once. Depends on the
// shapes only, because it determines the order of summation of the kernel's gradient.
int images_per_chunk(int images, int tiles, int64_t floats_per_tile, int64_t kernel_floats);

} // namespace dagan::model::winograd
