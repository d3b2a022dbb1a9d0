#include "model/winograd.h"

#include "base/error.h"
#include "model/parallel.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

namespace dagan::winograd {

namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;

// A map, its channels next to each other.
struct Map {
    float* data = nullptr;
    int images = 0, channels = 0, height = 0, width = 0;
    ptrdiff_t image_stride = 0, row_stride = 0, pixel_stride = 0;

    Map() = default;
    explicit Map(const torch::Tensor& tensor)
        : data(tensor.data_ptr<float>()), images(static_cast<int>(tensor.size(0))), channels(static_cast<int>(tensor.size(1))),
          height(static_cast<int>(tensor.size(2))), width(static_cast<int>(tensor.size(3))), image_stride(tensor.stride(0)),
          row_stride(tensor.stride(2)), pixel_stride(tensor.stride(3)) {}
    float* pixel(int image, int row, int column) const {
        return data + image * image_stride + row * row_stride + column * pixel_stride;
    }
    bool contains(int row, int column) const { return row >= 0 && row < height && column >= 0 && column < width; }
};

// `pixels` of it are channels last already where they can be; a part of the channels of a larger map is.
torch::Tensor readable(const torch::Tensor& tensor) {
    require(tensor.scalar_type() == torch::kFloat && tensor.device().is_cpu() && tensor.dim() == 4, "maps of floats on the CPU");
    return tensor.stride(1) == 1 ? tensor : tensor.contiguous(kChannelsLast);
}

// The matrices of one spectrum.
struct Spectrum {
    float* data = nullptr;
    SpectrumStrides strides;
    float* row(int64_t row) const { return data + row * kPanel; }
    float* point(int64_t point) const { return data + point * strides.point; }
};

// Room for spectra, taken piece by piece and given back as a whole. It is kept from call to call, one for each thread that calls:
// fresh memory from the system would cost a page fault for every 4 KiB, as long as a small convolution.
class Scratch {
  public:
    static Scratch& of_this_thread() {
        thread_local Scratch scratch;
        return scratch;
    }
    void reserve(int64_t floats) {
        if (!memory_.defined() || memory_.numel() < floats) {
            memory_ = torch::Tensor();
            memory_ = torch::zeros({floats}, torch::kFloat);
        }
        taken_ = 0;
    }
    float* take(int64_t floats) {
        float* piece = memory_.data_ptr<float>() + taken_;
        taken_ += floats;
        require(taken_ <= memory_.numel(), "the scratch memory was reserved");
        return piece;
    }

  private:
    torch::Tensor memory_;
    int64_t taken_ = 0;
};

SpectrumStrides strides_for(int64_t rows, int channels) {
    const ptrdiff_t panel = rows * kPanel;
    return {.point = panel * panels_of(channels) + kPanel, .panel = panel}; // one line more: not all points in one set of a cache
}

int64_t floats_of(int64_t rows, int channels) { return kPoints * strides_for(rows, channels).point; }

Spectrum take_spectrum(Scratch& scratch, int64_t rows, int channels) {
    return {scratch.take(floats_of(rows, channels)), strides_for(rows, channels)};
}

// A tile of an image: its first output pixel, and its size, 4 or 3 either way.
struct Tile {
    int top = 0, left = 0, rows = 0, columns = 0;
    int group = 0, index = 0; // among those of its size
};

// n pixels as tiles of 4, and of 3 where that covers them too: 14 = 4 + 4 + 3 + 3. A short tile has 5 points instead of 6.
std::vector<int> cut_into_tiles(int n) {
    const int count = (n + kOutput - 1) / kOutput, three = std::min(count, count * kOutput - n);
    std::vector<int> lengths(static_cast<size_t>(count), kOutput);
    std::fill(lengths.end() - three, lengths.end(), kOutput - 1);
    return lengths;
}

// The tiles of an image, and where they stand in spectra: all images' tiles of one size together, the sizes in such an order
// (narrow, whole, flat, small) that the rows which have a point are neighbours.
class Tiling {
  public:
    Tiling() = default;
    Tiling(int height, int width) {
        int top = 0;
        for (const int rows : cut_into_tiles(height)) {
            int left = 0;
            for (const int columns : cut_into_tiles(width)) {
                const int group = rows == kOutput ? (columns == kOutput ? 1 : 0) : (columns == kOutput ? 2 : 3);
                tiles_.push_back({top, left, rows, columns, group, sizes_[static_cast<size_t>(group)]++});
                left += columns;
            }
            top += rows;
        }
    }
    const std::vector<Tile>& tiles() const { return tiles_; }
    int count() const { return static_cast<int>(tiles_.size()); }
    int row(const Tile& tile, int image, int images) const {
        return before(tile.group) * images + image * sizes_[static_cast<size_t>(tile.group)] + tile.index;
    }
    std::pair<int, int> rows_with(int point, int images) const {
        const bool no_flat = point / kPatch == kShortLeavesOut, no_narrow = point % kPatch == kShortLeavesOut;
        return {before(no_narrow ? 1 : 0) * images, before(no_flat ? 2 : no_narrow ? 3 : 4) * images};
    }

  private:
    int before(int group) const { return std::accumulate(sizes_.begin(), sizes_.begin() + group, 0); }
    std::vector<Tile> tiles_;
    std::array<int, 4> sizes_{};
};

// The pixels that a tile reads, and those that it makes; pixel_at(row, column) of the map, beyond its border too.
template <class PixelAt> auto patch_of(const Tile& tile, const PixelAt& pixel_at) {
    std::array<decltype(pixel_at(0, 0)), kPatch * kPatch> pixels{};
    for (int i = 0; i < tile.rows + 2; ++i) {
        for (int j = 0; j < tile.columns + 2; ++j) {
            pixels[static_cast<size_t>(i * kPatch + j)] = pixel_at(tile.top - 1 + i, tile.left - 1 + j);
        }
    }
    return pixels;
}

template <class PixelAt> auto output_of(const Tile& tile, const PixelAt& pixel_at) {
    std::array<decltype(pixel_at(0, 0)), kTilePixels> pixels{};
    for (int i = 0; i < tile.rows; ++i) {
        for (int j = 0; j < tile.columns; ++j) {
            pixels[static_cast<size_t>(i * kOutput + j)] = pixel_at(tile.top + i, tile.left + j);
        }
    }
    return pixels;
}

// How the tiles of a batch are worked through: some images at a time, so that their spectra stay in the cache between the steps.
// A function of the shapes alone, because the kernel's gradient is summed in this order.
constexpr int64_t kChunkFloats = int64_t{1} << 20; // of the spectra of a chunk
constexpr int kRowsAtLeast = 96;                   // so that the kernel's spectrum is not read for too few rows

int images_at_once(int images, int tiles, int64_t floats_per_tile) {
    const int64_t rows = std::max<int64_t>(kChunkFloats / floats_per_tile, kRowsAtLeast);
    const int most = static_cast<int>(std::max<int64_t>(rows / tiles, 1));
    const int chunks = (images + most - 1) / most, even = (images + chunks - 1) / chunks;
    constexpr int kTogether = 4; // threads share a chunk's images
    return even <= kTogether ? even : (even + kTogether - 1) / kTogether * kTogether;
}

// The order in which points are multiplied: along the diagonals of their square, because short tiles leave out one row and one
// column of it, and threads take equal shares of the order.
constexpr int point_in_order(int i) { return i % kPatch * kPatch + (i + i / kPatch) % kPatch; }

class Computation {
  public:
    Computation(const Arguments& arguments, const Wanted& wanted, const Kernels& kernels);
    Results run();

  private:
    struct Chunk {
        int first_image = 0, images = 0;
    };
    struct Range {
        int begin = 0, end = 0;
    };

    void find_shape(const Arguments& arguments);
    void allocate();
    Range rows_with(const Chunk& chunk, int point) const;
    void transform_patch(int image, const Tile& tile, int row);
    void transform_gradient(int image, const Tile& tile, int row);
    void write_tile(int image, const Tile& tile, int row);
    void add_patch(int image, const Tile& tile, int row);
    template <class Work> void for_tiles(const Chunk& chunk, const Work& work) const;
    void transform_kernel_by_outputs();
    void transform_kernel_by_inputs();
    void transform_maps(const Chunk& chunk);
    void multiply(const Chunk& chunk);
    void multiply_rows(int point, int first_row, int end_row);
    void multiply_for_kernel(int point, Range rows, bool add);
    void write_maps(const Chunk& chunk);
    void write_kernel_gradient();

    const Kernels& kernels_;
    Wanted wanted_;
    torch::Tensor kernel_, bias_;
    Results results_;
    torch::Tensor x_held_, gradient_held_;
    Map x_, gradient_, output_, x_gradient_; // gradient_: of the output
    int images_ = 0, inputs_ = 0, outputs_ = 0, height_ = 0, width_ = 0, images_at_once_ = 0;
    Tiling tiling_;
    const float* zeros_ = nullptr;
    float* unread_ = nullptr; // takes what is written outside of maps, for each thread
    int64_t unread_floats_ = 0;
    // Rows are tiles: x and x's gradient by input channels, y and y's gradient by output channels.
    Spectrum x_points_, x_gradient_points_, output_points_, gradient_points_;
    Spectrum kernel_by_outputs_; // rows input channels, channels output channels
    Spectrum kernel_by_inputs_;  // the other way round
    Spectrum kernel_gradient_points_;
};

Computation::Computation(const Arguments& arguments, const Wanted& wanted, const Kernels& kernels)
    : kernels_(kernels), wanted_(wanted), bias_(arguments.bias) {
    find_shape(arguments);
    if (wanted.output || wanted.kernel_gradient) x_ = Map(x_held_ = readable(arguments.x));
    if (wanted.x_gradient || wanted.kernel_gradient) gradient_ = Map(gradient_held_ = readable(arguments.output_gradient));
    if (wanted.output || wanted.x_gradient) kernel_ = arguments.kernel.contiguous(kChannelsLast);
    if (bias_.defined()) bias_ = bias_.contiguous();
    const auto map = [&](int channels) {
        return torch::empty({images_, channels, height_, width_}, torch::dtype(torch::kFloat).memory_format(kChannelsLast));
    };
    if (wanted.output) output_ = Map(results_.output = map(outputs_));
    if (wanted.x_gradient) x_gradient_ = Map(results_.x_gradient = map(inputs_));
    if (wanted.kernel_gradient) {
        results_.kernel_gradient =
            torch::empty({outputs_, inputs_, 3, 3}, torch::dtype(torch::kFloat).memory_format(kChannelsLast));
    }
    allocate();
}

void Computation::find_shape(const Arguments& arguments) {
    const torch::Tensor& map = arguments.x.defined() ? arguments.x : arguments.output_gradient;
    images_ = static_cast<int>(map.size(0));
    height_ = static_cast<int>(map.size(2));
    width_ = static_cast<int>(map.size(3));
    inputs_ = static_cast<int>(arguments.x.defined() ? arguments.x.size(1) : arguments.kernel.size(1));
    outputs_ = static_cast<int>(arguments.kernel.defined() ? arguments.kernel.size(0) : arguments.output_gradient.size(1));
    require(inputs_ >= kPanel && outputs_ >= kPanel, "a map has 16 channels or more");
    tiling_ = Tiling(height_, width_);
}

void Computation::allocate() {
    const bool by_outputs = wanted_.output, by_inputs = wanted_.x_gradient, by_kernel = wanted_.kernel_gradient;
    const bool of_x = by_outputs || by_kernel, of_gradient = by_inputs || by_kernel;
    const int64_t per_tile =
        int64_t{kPoints} * kPanel * (panels_of(inputs_) * (of_x + by_inputs) + panels_of(outputs_) * (of_gradient + by_outputs));
    images_at_once_ = images_at_once(images_, tiling_.count(), per_tile);
    const int64_t rows = int64_t{images_at_once_} * tiling_.count();
    unread_floats_ = int64_t{std::max(panels_of(inputs_), panels_of(outputs_))} * kPanel;
    const int64_t outside = unread_floats_ * (1 + at::get_num_threads());

    Scratch& scratch = Scratch::of_this_thread();
    scratch.reserve(outside + (of_x + by_inputs) * floats_of(rows, inputs_) +
                    (of_gradient + by_outputs) * floats_of(rows, outputs_) + by_outputs * floats_of(inputs_, outputs_) +
                    (by_inputs + by_kernel) * floats_of(outputs_, inputs_));
    float* const cleared = scratch.take(outside);
    std::fill_n(cleared, outside, 0.0F);
    zeros_ = cleared;
    unread_ = cleared + unread_floats_;
    if (of_x) x_points_ = take_spectrum(scratch, rows, inputs_);
    if (by_inputs) x_gradient_points_ = take_spectrum(scratch, rows, inputs_);
    if (of_gradient) gradient_points_ = take_spectrum(scratch, rows, outputs_);
    if (by_outputs) output_points_ = take_spectrum(scratch, rows, outputs_);
    if (by_outputs) kernel_by_outputs_ = take_spectrum(scratch, inputs_, outputs_);
    if (by_inputs) kernel_by_inputs_ = take_spectrum(scratch, outputs_, inputs_);
    if (by_kernel) kernel_gradient_points_ = take_spectrum(scratch, outputs_, inputs_);
}

Results Computation::run() {
    if (wanted_.output) transform_kernel_by_outputs();
    if (wanted_.x_gradient) transform_kernel_by_inputs();
    for (int first = 0; first < images_; first += images_at_once_) {
        const int count = std::min(images_at_once_, images_ - first);
        const Chunk chunk{.first_image = first, .images = count};
        transform_maps(chunk);
        multiply(chunk);
        write_maps(chunk);
    }
    if (wanted_.kernel_gradient) write_kernel_gradient();
    return results_;
}

// The kernel lies [K][3][3][C], so a panel of output channels is gathered first: some input channels at a time, that fit a stack.
void Computation::transform_kernel_by_outputs() {
    constexpr int kInputs = 64;
    const int blocks = (inputs_ + kInputs - 1) / kInputs;
    const float* const kernel = kernel_.data_ptr<float>();
    in_parallel(int64_t{panels_of(outputs_)} * blocks, 1, [&](int64_t begin, int64_t end) {
        alignas(64) std::array<float, kKernelPixels * kInputs * kPanel> gathered;
        gathered.fill(0);
        for (int64_t task = begin; task < end; ++task) {
            const int panel = static_cast<int>(task / blocks), first = static_cast<int>(task % blocks) * kInputs;
            const int count = std::min(kInputs, inputs_ - first), filters = std::min(kPanel, outputs_ - panel * kPanel);
            const ptrdiff_t filter = ptrdiff_t{kKernelPixels} * inputs_;
            for (int i = 0; i < kKernelPixels; ++i) {
                kernels_.transpose(kernel + panel * kPanel * filter + ptrdiff_t{i} * inputs_ + first, filter, filters, count,
                                   gathered.data() + i * kInputs * kPanel, kPanel);
            }
            for (int c = 0; c < count; ++c) {
                std::array<const float*, kKernelPixels> pixels;
                for (int i = 0; i < kKernelPixels; ++i) {
                    pixels[static_cast<size_t>(i)] = gathered.data() + (i * kInputs + c) * kPanel;
                }
                kernels_.kernel(pixels.data(), kPanel,
                                kernel_by_outputs_.row(first + c) + panel * kernel_by_outputs_.strides.panel,
                                kernel_by_outputs_.strides);
            }
        }
    });
}

void Computation::transform_kernel_by_inputs() {
    const float* const kernel = kernel_.data_ptr<float>();
    in_parallel(outputs_, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
            std::array<const float*, kKernelPixels> pixels;
            for (size_t i = 0; i < pixels.size(); ++i)
                pixels[i] = kernel + (k * kKernelPixels + static_cast<int64_t>(i)) * inputs_;
            kernels_.kernel(pixels.data(), inputs_, kernel_by_inputs_.row(k), kernel_by_inputs_.strides);
        }
    });
}

// work(image, tile, row of the spectra), in parallel by image: the patches that a map's gradient is summed from overlap.
template <class Work> void Computation::for_tiles(const Chunk& chunk, const Work& work) const {
    in_parallel(chunk.images, 1, [&](int64_t begin, int64_t end) {
        for (int image = static_cast<int>(begin); image < end; ++image) {
            for (const Tile& tile : tiling_.tiles())
                work(chunk.first_image + image, tile, tiling_.row(tile, image, chunk.images));
        }
    });
}

void Computation::transform_maps(const Chunk& chunk) {
    for_tiles(chunk, [&](int image, const Tile& tile, int row) {
        if (x_points_.data != nullptr) transform_patch(image, tile, row);
        if (gradient_points_.data != nullptr) transform_gradient(image, tile, row);
    });
}

void Computation::transform_patch(int image, const Tile& tile, int row) {
    const auto pixels = patch_of(tile, [&](int y, int x) { return x_.contains(y, x) ? x_.pixel(image, y, x) : zeros_; });
    kernels_.map_patch.of(tile.rows, tile.columns)(pixels.data(), inputs_, x_points_.row(row), x_points_.strides);
}

void Computation::transform_gradient(int image, const Tile& tile, int row) {
    const auto pixels =
        output_of(tile, [&](int y, int x) { return gradient_.contains(y, x) ? gradient_.pixel(image, y, x) : zeros_; });
    kernels_.output_gradient.of(tile.rows, tile.columns)(pixels.data(), outputs_, gradient_points_.row(row),
                                                         gradient_points_.strides);
}

void Computation::multiply(const Chunk& chunk) {
    constexpr int kRows = 96; // a task's: enough for a panel of the kernel's spectrum to be worth reading
    const int blocks = (chunk.images * tiling_.count() + kRows - 1) / kRows;
    if (wanted_.output || wanted_.x_gradient) {
        in_parallel(int64_t{kPoints} * blocks, 1, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) {
                const int point = point_in_order(static_cast<int>(task / blocks));
                const Range rows = rows_with(chunk, point);
                const int first = rows.begin + static_cast<int>(task % blocks) * kRows;
                multiply_rows(point, first, std::min(first + kRows, rows.end));
            }
        });
    }
    if (!wanted_.kernel_gradient) return;
    in_parallel(kPoints, 1, [&](int64_t begin, int64_t end) {
        for (int i = static_cast<int>(begin); i < end; ++i) {
            const int point = point_in_order(i);
            multiply_for_kernel(point, rows_with(chunk, point), chunk.first_image > 0);
        }
    });
}

Computation::Range Computation::rows_with(const Chunk& chunk, int point) const {
    const auto [begin, end] = tiling_.rows_with(point, chunk.images);
    return {begin, end};
}

void Computation::multiply_rows(int point, int first_row, int end_row) {
    if (first_row >= end_row) return;
    const auto product = [&](const auto& rows, const auto& kernel, const auto& out, int inner, int outer) {
        kernels_.multiply({.a = rows.point(point),
                           .a_panel = rows.strides.panel,
                           .b = kernel.point(point),
                           .b_panel = kernel.strides.panel,
                           .out = out.point(point),
                           .out_panel = out.strides.panel,
                           .first_row = first_row,
                           .end_row = end_row,
                           .inner = inner,
                           .panels = panels_of(outer)});
    };
    if (wanted_.output) product(x_points_, kernel_by_outputs_, output_points_, inputs_, outputs_);
    if (wanted_.x_gradient) product(gradient_points_, kernel_by_inputs_, x_gradient_points_, outputs_, inputs_);
}

void Computation::multiply_for_kernel(int point, Range rows, bool add) {
    kernels_.multiply_transposed({.a = gradient_points_.point(point) + rows.begin * kPanel,
                                  .a_panel = gradient_points_.strides.panel,
                                  .b = x_points_.point(point) + rows.begin * kPanel,
                                  .b_panel = x_points_.strides.panel,
                                  .out = kernel_gradient_points_.point(point),
                                  .out_panel = kernel_gradient_points_.strides.panel,
                                  .first_row = 0,
                                  .end_row = outputs_,
                                  .inner = rows.end - rows.begin,
                                  .panels = panels_of(inputs_),
                                  .add = add});
}

void Computation::write_maps(const Chunk& chunk) {
    if (!wanted_.output && !wanted_.x_gradient) return;
    for_tiles(chunk, [&](int image, const Tile& tile, int row) {
        if (wanted_.output) write_tile(image, tile, row);
        if (wanted_.x_gradient) add_patch(image, tile, row);
    });
}

void Computation::write_tile(int image, const Tile& tile, int row) {
    const float* const bias = bias_.defined() ? bias_.data_ptr<float>() : nullptr;
    float* const unread = unread_ + thread_in_parallel() * unread_floats_;
    const auto pixels =
        output_of(tile, [&](int y, int x) { return output_.contains(y, x) ? output_.pixel(image, y, x) : unread; });
    kernels_.output_tile.of(tile.rows, tile.columns)(output_points_.row(row), output_points_.strides, outputs_, bias,
                                                     pixels.data());
}

void Computation::add_patch(int image, const Tile& tile, int row) {
    if (tile.top == 0 && tile.left == 0) std::fill_n(x_gradient_.pixel(image, 0, 0), x_gradient_.image_stride, 0.0F);
    float* const unread = unread_ + thread_in_parallel() * unread_floats_;
    const auto pixels =
        patch_of(tile, [&](int y, int x) { return x_gradient_.contains(y, x) ? x_gradient_.pixel(image, y, x) : unread; });
    kernels_.map_gradient.of(tile.rows, tile.columns)(x_gradient_points_.row(row), x_gradient_points_.strides, inputs_, nullptr,
                                                      pixels.data());
}

void Computation::write_kernel_gradient() {
    float* const gradient = results_.kernel_gradient.data_ptr<float>();
    in_parallel(outputs_, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
            std::array<float*, kKernelPixels> pixels;
            for (size_t i = 0; i < pixels.size(); ++i) {
                pixels[i] = gradient + (k * kKernelPixels + static_cast<int64_t>(i)) * inputs_;
            }
            kernels_.kernel_gradient(kernel_gradient_points_.row(k), kernel_gradient_points_.strides, inputs_, nullptr,
                                     pixels.data());
        }
    });
}

} // namespace

bool runs_here(const Kernels& kernels) {
    if (&kernels == &kAvx512Kernels) return __builtin_cpu_supports("avx512f") != 0;
    if (&kernels == &kAvx2Kernels) return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
    return true;
}

const Kernels& kernels_of_cpu() {
    for (const Kernels* kernels : {&kAvx512Kernels, &kAvx2Kernels}) {
        if (runs_here(*kernels)) return *kernels;
    }
    return kPortableKernels;
}

Results compute(const Arguments& arguments, const Wanted& wanted, const Kernels& kernels) {
    return Computation(arguments, wanted, kernels).run();
}

} // namespace dagan::winograd
