// How winograd.cpp cuts maps into tiles, and where each tile stands among the rows of a spectrum.
#pragma once

#include "model/winograd/winograd_kernels.h"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace dagan::model::winograd {

// A tile of an image: its first output pixel, and its size, 4 or 3 either way, or 2 x 2.
struct Tile {
    int top = 0, left = 0, rows = 0, columns = 0;
    int group = 0, index = 0; // among those of its size
};

// The tiles of an image. In spectra all images' tiles of one size stand together, the sizes in such an order that the rows which
// have a point are neighbours.
class Tiling {
  public:
    Tiling() = default;
    Tiling(const Scheme& scheme, int height, int width); // of the output

    const std::vector<Tile>& tiles() const { return tiles_; }
    int count() const { return static_cast<int>(tiles_.size()); }
    int longest() const { return longest_; } // 4, or 2
    int row(const Tile& tile, int image, int images) const;
    // The rows [first, second) that have a point, of scheme.points(), in spectra of some images.
    std::pair<int, int> rows_with(int point, int images) const;

  private:
    bool group_has(int group, int point) const;
    int before(int group) const;

    Scheme scheme_;
    std::vector<Tile> tiles_;
    std::array<int, 4> sizes_{}; // tiles of each group
    int longest_ = kOutput;
};

// How many images are worked through at a time: few, so that their spectra stay in the cache between the steps, where the
// kernel's are small; all where these are the larger ones, so that each of them is made and used once. A function of the shapes
// alone, because the kernel's gradient is summed in this order.
int images_at_once(int images, int tiles, int64_t floats_per_tile, int64_t kernel_floats);

} // namespace dagan::model::winograd
