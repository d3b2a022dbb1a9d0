#include "model/winograd/winograd_computation.h"

#include <algorithm>

namespace dagan::model::winograd {

namespace {

// Largest number of pixels seen by a tile.
constexpr int kMaxPixels = kMaxPoints;

// The order in which points are multiplied: along the diagonals of their square. Short tiles lack a
// row and a column of the square, and each thread takes an equal range of the order, so this order
// balances the work.
constexpr int point_in_order(int i, int points_per_side) {
    return i % points_per_side * points_per_side + (i + i / points_per_side) % points_per_side;
}

// For tile_loop.
constexpr auto kNoPrefetch = [](int /*image*/, const Tile&) {};

// The output pixels of a tile.
Window output_window(const Tile& tile) { return {tile.top, tile.left, tile.rows, tile.columns}; }

} // namespace

Results Computation::run() {
    for (int first = 0; first < images_; first += images_per_chunk_) {
        const Chunk chunk = chunk_from(first);
        for (const ChannelBlock& block : blocks_) {
            transform_inputs(chunk, block);
            multiply(chunk, block);
            transform_results(chunk, block);
        }
    }
    return results_;
}

Computation::Chunk Computation::chunk_from(int first_image) const {
    Chunk chunk{.first_image = first_image,
                .images = std::min(images_per_chunk_, images_ - first_image)};
    for (int point = 0; point < scheme_.points(); ++point) {
        const auto [begin, end] = tiling_.rows_with(point, chunk.images);
        chunk.rows[static_cast<size_t>(point)] = {begin, end};
    }
    return chunk;
}

void Computation::transform_inputs(const Chunk& chunk, const ChannelBlock& block) {
    std::vector<ParallelLoop> loops;
    const bool first_chunk = chunk.first_image == 0; // the kernel is transformed only once
    if (mask_.output && first_chunk)
        loops.push_back(filters_.by_outputs(kernel_, block.channels, block.kernel_by_outputs));
    if (mask_.x_gradient && block.has_gradient() && first_chunk)
        loops.push_back(filters_.by_inputs(kernel_, block.channels, block.kernel_by_inputs));
    if (uses_x()) {
        loops.push_back(tile_loop(
            chunk,
            [this, &block](int image, const Tile& tile) {
                block.x.prefetch(image, new_input_window(tile), block.channels.count);
            },
            [this, &block](int image, const Tile& tile, int row) {
                transform_patch(block, image, tile, row);
            }));
    }
    if (uses_gradient() && is_first(block)) {
        loops.push_back(tile_loop(
            chunk,
            [this](int image, const Tile& tile) {
                gradient_.prefetch(image, output_window(tile), outputs_);
            },
            [this](int image, const Tile& tile, int row) {
                transform_gradient(image, tile, row);
            }));
    }
    parallel_for(loops);
}

// Calls prefetch_tile(image, tile) for the tile after the current one, and work(image, tile, row of
// the spectra). A thread processes whole images, because the patches that are added to a map's
// gradient overlap.
template <class Prefetch, class Work>
ParallelLoop Computation::tile_loop(const Chunk& chunk, Prefetch prefetch_tile, Work work) const {
    return {chunk.images, [this, &chunk, prefetch_tile, work](int64_t begin, int64_t end) {
                const std::vector<Tile>& tiles = tiling_.tiles();
                for (int image = static_cast<int>(begin); image < end; ++image) {
                    for (size_t i = 0; i < tiles.size(); ++i) {
                        if (i + 1 < tiles.size()) {
                            prefetch_tile(chunk.first_image + image, tiles[i + 1]);
                        } else if (image + 1 < end) {
                            prefetch_tile(chunk.first_image + image + 1, tiles[0]);
                        }
                        work(chunk.first_image + image, tiles[i],
                             tiling_.row(tiles[i], image, chunk.images));
                    }
                }
            }};
}

void Computation::transform_patch(const ChannelBlock& block, int image, const Tile& tile,
                                  int row) const {
    std::array<float*, kMaxPixels> pixels;
    block.x.pixel_pointers(image, input_window(tile), scheme_.patch(), zeros_, pixels.data());
    transforms_.map_patch.of(tile.rows, tile.columns)(pixels.data(), block.channels.count,
                                                      x_points_.row(row), x_points_.strides);
}

Window Computation::input_window(const Tile& tile) const {
    return {scheme_.stride * tile.top - zeros_above_, scheme_.stride * tile.left - zeros_left_,
            scheme_.pixels_seen(tile.rows), scheme_.pixels_seen(tile.columns)};
}

// The input window without the pixels that the tile to the left has seen.
Window Computation::new_input_window(const Tile& tile) const {
    Window window = input_window(tile);
    if (tile.left > 0) {
        const int seen = 3 - scheme_.stride;
        window.left += seen;
        window.columns -= seen;
    }
    return window;
}

void Computation::transform_gradient(int image, const Tile& tile, int row) const {
    std::array<float*, kTilePixels> pixels;
    gradient_.pixel_pointers(image, output_window(tile), kOutput, zeros_, pixels.data());
    transforms_.output_gradient.of(tile.rows, tile.columns)(
        pixels.data(), outputs_, gradient_points_.row(row), gradient_points_.strides);
}

void Computation::multiply(const Chunk& chunk, const ChannelBlock& block) {
    // Rows of a task: enough to make reading a panel of the kernel's spectrum worthwhile.
    constexpr int kRows = 96;
    const int row_blocks = (chunk.images * tiling_.count() + kRows - 1) / kRows,
              points_per_side = scheme_.patch();
    std::vector<ParallelLoop> loops;
    if (mask_.output || mask_.x_gradient) {
        loops.push_back(
            {int64_t{scheme_.points()} * row_blocks,
             [&, row_blocks, points_per_side](int64_t begin, int64_t end) {
                 for (int64_t task = begin; task < end; ++task) {
                     const int point =
                         point_in_order(static_cast<int>(task / row_blocks), points_per_side);
                     const Range rows = chunk.rows[static_cast<size_t>(point)];
                     const int first = rows.begin + static_cast<int>(task % row_blocks) * kRows;
                     multiply_rows(block, point, first, std::min(first + kRows, rows.end));
                 }
             }});
    }
    // Output channels of a task.
    constexpr int kOutputs = 32, kPoints = kKernelPoints * kKernelPoints;
    if (mask_.kernel_gradient) {
        loops.push_back(
            {int64_t{kPoints} * ((outputs_ + kOutputs - 1) / kOutputs),
             [&](int64_t begin, int64_t end) {
                 for (int64_t task = begin; task < end; ++task) {
                     const int first = static_cast<int>(task / kPoints) * kOutputs;
                     multiply_for_kernel(
                         chunk, block,
                         point_in_order(static_cast<int>(task % kPoints), kKernelPoints), first,
                         std::min(first + kOutputs, outputs_));
                 }
             }});
    }
    parallel_for(loops);
}

int Computation::kernel_point(int point) const {
    const int points_per_side = scheme_.patch();
    return scheme_.kernel_point(point / points_per_side) * kKernelPoints +
           scheme_.kernel_point(point % points_per_side);
}

void Computation::multiply_rows(const ChannelBlock& block, int point, int first_row,
                                int end_row) const {
    if (first_row >= end_row) return;
    const auto product = [&](const Spectrum& rows, const Spectrum& kernel, const Spectrum& out,
                             int inner, int outer, bool add) {
        kernels_.multiply({.a = rows.point(point),
                           .a_panel = rows.strides.panel,
                           .b = kernel.point(kernel_point(point)),
                           .b_panel = kernel.strides.panel,
                           .out = out.point(point),
                           .out_panel = out.strides.panel,
                           .first_row = first_row,
                           .end_row = end_row,
                           .inner = inner,
                           .panels = panels_of(outer),
                           .add = add});
    };
    if (mask_.output)
        product(x_points_, block.kernel_by_outputs, output_points_, block.channels.count, outputs_,
                !is_first(block));
    if (mask_.x_gradient && block.has_gradient())
        product(gradient_points_, block.kernel_by_inputs, x_gradient_points_, outputs_,
                block.channels.count, false);
}

// Sums over the points of maps that share a point of the kernel. Writes zeros if no tile has it.
void Computation::multiply_for_kernel(const Chunk& chunk, const ChannelBlock& block, int at,
                                      int first_output, int end_output) const {
    bool add = chunk.first_image > 0;
    const int above = at / kKernelPoints, left = at % kKernelPoints;
    for (int i = above; i < scheme_.end_of_sharing(above); ++i) {
        for (int j = left; j < scheme_.end_of_sharing(left); ++j) {
            const int point = i * scheme_.patch() + j;
            const Range rows = chunk.rows[static_cast<size_t>(point)];
            kernels_.multiply_transposed({.a = gradient_points_.point(point) + rows.begin * kPanel,
                                          .a_panel = gradient_points_.strides.panel,
                                          .b = x_points_.point(point) + rows.begin * kPanel,
                                          .b_panel = x_points_.strides.panel,
                                          .out = block.kernel_gradient.point(at),
                                          .out_panel = block.kernel_gradient.strides.panel,
                                          .first_row = first_output,
                                          .end_row = end_output,
                                          .inner = rows.end - rows.begin,
                                          .panels = block.panels(),
                                          .add = add});
            add = true;
        }
    }
}

void Computation::transform_results(const Chunk& chunk, const ChannelBlock& block) {
    std::vector<ParallelLoop> loops;
    if (mask_.output && is_last(block)) {
        loops.push_back(tile_loop(chunk, kNoPrefetch, [this](int image, const Tile& tile, int row) {
            write_tile(image, tile, row);
        }));
    }
    if (mask_.x_gradient && block.has_gradient()) {
        loops.push_back(
            tile_loop(chunk, kNoPrefetch, [this, &block](int image, const Tile& tile, int row) {
                add_patch(block, image, tile, row);
            }));
    }
    if (mask_.kernel_gradient && is_last(chunk))
        loops.push_back(filters_.gradient(block.kernel_gradient, block.channels, kernel_gradient_,
                                          adds_to_sum_));
    parallel_for(loops);
}

void Computation::write_tile(int image, const Tile& tile, int row) const {
    std::array<float*, kTilePixels> pixels;
    output_.pixel_pointers(image, output_window(tile), kOutput, discard(), pixels.data());
    transforms_.output_tile.of(tile.rows, tile.columns)(
        output_points_.row(row), output_points_.strides, outputs_, bias_, pixels.data());
}

void Computation::add_patch(const ChannelBlock& block, int image, const Tile& tile, int row) const {
    // Clears the whole image, for the other blocks of the map too.
    if (block.first_of_map && tile.top == 0 && tile.left == 0)
        std::fill_n(block.gradient.image(image), block.gradient.image_floats(), 0.0F);
    std::array<float*, kMaxPixels> pixels;
    block.gradient.pixel_pointers(image, input_window(tile), scheme_.patch(), discard(),
                                  pixels.data());
    transforms_.map_gradient.of(tile.rows, tile.columns)(
        x_gradient_points_.row(row), x_gradient_points_.strides, block.channels.count, nullptr,
        pixels.data());
}
} // namespace dagan::model::winograd
