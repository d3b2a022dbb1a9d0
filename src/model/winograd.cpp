#include "model/winograd.h"

#include "base/error.h"
#include "model/parallel.h"
#include "model/same_conv.h"
#include "model/winograd_memory.h"
#include "model/winograd_tiling.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace dagan::winograd {

namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;
constexpr int kMostPixels = Scheme{2}.points(); // that a tile sees

// The order in which points are multiplied: along the diagonals of their square, because short tiles leave out one row and one
// column of it, and threads take equal shares of the order.
constexpr int point_in_order(int i, int across) { return i % across * across + (i + i / across) % across; }

// Of one of the maps that x is made of: its channels among all, and its panels in spectra, where each map begins a panel.
struct Part {
    int first_channel = 0, channels = 0, first_panel = 0;
};

// The pixels that a tile makes.
Window window_of(const Tile& tile) { return {tile.top, tile.left, tile.rows, tile.columns}; }

int zeros_before(int64_t size, int64_t stride) { return static_cast<int>(same_padding(size, 3, stride).before); }

class Computation {
  public:
    Computation(const Shape& shape, const Arguments& arguments, const Wanted& wanted, const Kernels& kernels);
    Results run();

  private:
    struct Chunk {
        int first_image = 0, images = 0;
    };
    struct Range {
        int begin = 0, end = 0;
    };

    void cut_into_parts(const std::vector<int64_t>& channels);
    void hold_maps(const Arguments& arguments);
    void make_results();
    void take_scratch();
    Range rows_with(const Chunk& chunk, int point) const;
    int kernel_point(int point) const;
    Window seen_by(const Tile& tile) const;
    float* unread() const { return unread_ + thread_in_parallel() * outside_floats_; }
    void transform_patch(int image, const Tile& tile, int row);
    void transform_gradient(int image, const Tile& tile, int row);
    void write_tile(int image, const Tile& tile, int row);
    void add_patch(int image, const Tile& tile, int row);
    template <class Work> void for_tiles(const Chunk& chunk, const Work& work) const;
    void transform_kernel_by_outputs();
    void transform_kernel_panel(int panel, int first, int count, int row, float* gathered);
    void transform_kernel_by_inputs();
    void transform_maps(const Chunk& chunk);
    void multiply(const Chunk& chunk);
    void multiply_rows(int point, int first_row, int end_row);
    void multiply_for_kernel(const Chunk& chunk, int at, int first_output, int end_output);
    void write_maps(const Chunk& chunk);
    void write_kernel_gradient();
    // The kernel's pixels of a filter, as they are or to be written, from a channel on.
    template <class Float> std::array<Float*, kKernelPixels> kernel_pixels(Float* kernel, int64_t filter, int channel) const;

    const Shape shape_;
    const Scheme scheme_;
    const Kernels& kernels_;
    const Transforms& transforms_;
    const Wanted wanted_;
    torch::Tensor kernel_, bias_, gradient_held_;
    std::vector<torch::Tensor> x_held_;
    Results results_;
    std::vector<Part> parts_;
    std::vector<int> lanes_; // of each panel of x
    std::vector<Map> x_, x_gradient_;
    Map gradient_, output_; // gradient_: of the output
    int images_ = 0, inputs_ = 0, input_panels_ = 0, outputs_ = 0, images_at_once_ = 0;
    int zeros_above_ = 0, zeros_left_ = 0;
    Tiling tiling_;
    float* zeros_ = nullptr;  // read outside of maps
    float* unread_ = nullptr; // takes what is written there, for each thread
    int64_t outside_floats_ = 0;
    // Rows are tiles: x and x's gradient by input channels, y and y's gradient by output channels.
    Spectrum x_points_, x_gradient_points_, output_points_, gradient_points_;
    Spectrum kernel_by_outputs_; // rows input channels (each part from a whole panel on), channels output channels
    Spectrum kernel_by_inputs_;  // the other way round
    Spectrum kernel_gradient_points_;
};

Computation::Computation(const Shape& shape, const Arguments& arguments, const Wanted& wanted, const Kernels& kernels)
    : shape_(shape), scheme_{static_cast<int>(shape.stride)}, kernels_(kernels), transforms_(kernels.transforms(scheme_)),
      wanted_(wanted), bias_(arguments.bias), zeros_above_(zeros_before(shape.height, shape.stride)),
      zeros_left_(zeros_before(shape.width, shape.stride)),
      tiling_(scheme_, static_cast<int>(shape.output_height()), static_cast<int>(shape.output_width())) {
    require(shape.stride == 1 || shape.stride == 2, "a stride of 1 or 2");
    images_ = static_cast<int>((arguments.x.empty() ? arguments.output_gradient : arguments.x.front()).size(0));
    outputs_ = static_cast<int>(arguments.kernel.defined() ? arguments.kernel.size(0) : arguments.output_gradient.size(1));
    require(outputs_ >= kPanel, "a map has 16 channels or more");
    cut_into_parts(shape.channels);
    hold_maps(arguments);
    make_results();
    take_scratch();
}

void Computation::cut_into_parts(const std::vector<int64_t>& channels) {
    for (const int64_t count : channels) {
        require(count >= kPanel, "a map has 16 channels or more");
        const int part = static_cast<int>(count), panels = panels_of(part);
        parts_.push_back({inputs_, part, input_panels_});
        lanes_.insert(lanes_.end(), static_cast<size_t>(panels), kPanel);
        lanes_.back() = part - (panels - 1) * kPanel;
        inputs_ += part;
        input_panels_ += panels;
    }
}

void Computation::hold_maps(const Arguments& arguments) {
    if (wanted_.output || wanted_.kernel_gradient) {
        require(arguments.x.size() == parts_.size(), "x has the maps that its shape says");
        for (const torch::Tensor& map : arguments.x)
            x_.emplace_back(x_held_.emplace_back(readable(map)), shape_.height, shape_.width);
    }
    if (wanted_.x_gradient || wanted_.kernel_gradient) {
        gradient_held_ = readable(arguments.output_gradient);
        gradient_ = Map(gradient_held_, shape_.output_height(), shape_.output_width());
    }
    if (wanted_.output || wanted_.x_gradient) kernel_ = arguments.kernel.contiguous(kChannelsLast);
    if (bias_.defined()) bias_ = bias_.contiguous();
}

void Computation::make_results() {
    const auto tensor = [](int64_t first, int64_t second, int64_t height, int64_t width) {
        return torch::empty({first, second, height, width}, torch::dtype(torch::kFloat).memory_format(kChannelsLast));
    };
    if (wanted_.output) {
        results_.output = tensor(images_, outputs_, shape_.output_height(), shape_.output_width());
        output_ = Map(results_.output, shape_.output_height(), shape_.output_width());
    }
    if (wanted_.x_gradient) {
        for (const Part& part : parts_) {
            const torch::Tensor& gradient =
                results_.x_gradient.emplace_back(tensor(images_, part.channels, shape_.map_height, shape_.map_width));
            x_gradient_.emplace_back(gradient, shape_.height, shape_.width);
        }
    }
    if (wanted_.kernel_gradient) results_.kernel_gradient = tensor(outputs_, inputs_, 3, 3);
}

void Computation::take_scratch() {
    const bool by_outputs = wanted_.output, by_inputs = wanted_.x_gradient, by_kernel = wanted_.kernel_gradient;
    const bool of_x = by_outputs || by_kernel, of_gradient = by_inputs || by_kernel;
    const int output_panels = panels_of(outputs_), maps = scheme_.points(), kernels = kKernelPoints * kKernelPoints;
    const int64_t per_tile =
        int64_t{maps} * kPanel * (input_panels_ * (of_x + by_inputs) + output_panels * (of_gradient + by_outputs));
    images_at_once_ = images_at_once(images_, tiling_.count(), per_tile);
    const int64_t rows = int64_t{images_at_once_} * tiling_.count(), kernel_rows = int64_t{input_panels_} * kPanel;
    outside_floats_ = int64_t{std::max(input_panels_, output_panels)} * kPanel;
    const int64_t outside = outside_floats_ * (1 + at::get_num_threads());

    Scratch& scratch = Scratch::of_this_thread();
    scratch.reserve(outside + (of_x + by_inputs) * Spectrum::floats(maps, rows, input_panels_) +
                    (of_gradient + by_outputs) * Spectrum::floats(maps, rows, output_panels) +
                    by_outputs * Spectrum::floats(kernels, kernel_rows, output_panels) +
                    (by_inputs + by_kernel) * Spectrum::floats(kernels, outputs_, input_panels_));
    zeros_ = scratch.take(outside);
    unread_ = zeros_ + outside_floats_;
    std::fill_n(zeros_, outside, 0.0F);
    if (of_x) x_points_ = scratch.take_spectrum(maps, rows, input_panels_);
    if (by_inputs) x_gradient_points_ = scratch.take_spectrum(maps, rows, input_panels_);
    if (of_gradient) gradient_points_ = scratch.take_spectrum(maps, rows, output_panels);
    if (by_outputs) output_points_ = scratch.take_spectrum(maps, rows, output_panels);
    if (by_outputs) kernel_by_outputs_ = scratch.take_spectrum(kernels, kernel_rows, output_panels);
    if (by_inputs) kernel_by_inputs_ = scratch.take_spectrum(kernels, outputs_, input_panels_);
    if (by_kernel) kernel_gradient_points_ = scratch.take_spectrum(kernels, outputs_, input_panels_);
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
    struct Piece {
        int first = 0, count = 0, row = 0;
    };
    std::vector<Piece> pieces;
    for (const Part& part : parts_) {
        for (int first = 0; first < part.channels; first += kInputs) {
            pieces.push_back(
                {part.first_channel + first, std::min(kInputs, part.channels - first), part.first_panel * kPanel + first});
        }
    }
    const auto count = static_cast<int64_t>(pieces.size());
    in_parallel(panels_of(outputs_) * count, 1, [&](int64_t begin, int64_t end) {
        alignas(64) std::array<float, kKernelPixels * kInputs * kPanel> gathered;
        gathered.fill(0);
        for (int64_t task = begin; task < end; ++task) {
            const Piece& piece = pieces[static_cast<size_t>(task % count)];
            transform_kernel_panel(static_cast<int>(task / count), piece.first, piece.count, piece.row, gathered.data());
        }
    });
}

void Computation::transform_kernel_panel(int panel, int first, int count, int row, float* gathered) {
    const int filters = std::min(kPanel, outputs_ - panel * kPanel);
    const ptrdiff_t filter = ptrdiff_t{kKernelPixels} * inputs_, pixel = ptrdiff_t{count} * kPanel;
    const auto from = kernel_pixels(kernel_.data_ptr<float>(), int64_t{panel} * kPanel, first);
    std::array<const float*, kKernelPixels> pixels{};
    for (size_t i = 0; i < pixels.size(); ++i) {
        float* const to = gathered + static_cast<ptrdiff_t>(i) * pixel;
        kernels_.transpose(from[i], filter, filters, count, to, kPanel);
        pixels[i] = to;
    }
    const FromPixels transform = transforms_.kernel.of(tiling_.longest());
    for (int c = 0; c < count; ++c) {
        transform(pixels.data(), kPanel, kernel_by_outputs_.row(row + c) + panel * kernel_by_outputs_.strides.panel,
                  kernel_by_outputs_.strides);
        for (const float*& at : pixels) at += kPanel;
    }
}

template <class Float>
std::array<Float*, kKernelPixels> Computation::kernel_pixels(Float* kernel, int64_t filter, int channel) const {
    std::array<Float*, kKernelPixels> pixels{};
    for (size_t i = 0; i < pixels.size(); ++i) {
        pixels[i] = kernel + (filter * kKernelPixels + static_cast<int64_t>(i)) * inputs_ + channel;
    }
    return pixels;
}

void Computation::transform_kernel_by_inputs() {
    const float* const kernel = kernel_.data_ptr<float>();
    const SpectrumStrides& strides = kernel_by_inputs_.strides;
    const FromPixels transform = transforms_.kernel.of(tiling_.longest());
    in_parallel(outputs_, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
            for (const Part& part : parts_) {
                const auto pixels = kernel_pixels(kernel, k, part.first_channel);
                transform(pixels.data(), part.channels, kernel_by_inputs_.row(k) + part.first_panel * strides.panel, strides);
            }
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
    const FromPixels transform = transforms_.map_patch.of(tile.rows, tile.columns);
    const SpectrumStrides& strides = x_points_.strides;
    std::array<float*, kMostPixels> pixels;
    for (size_t i = 0; i < parts_.size(); ++i) {
        x_[i].point_to(image, seen_by(tile), scheme_.patch(), zeros_, pixels.data());
        transform(pixels.data(), parts_[i].channels, x_points_.row(row) + parts_[i].first_panel * strides.panel, strides);
    }
}

Window Computation::seen_by(const Tile& tile) const {
    return {scheme_.stride * tile.top - zeros_above_, scheme_.stride * tile.left - zeros_left_, scheme_.pixels_seen(tile.rows),
            scheme_.pixels_seen(tile.columns)};
}

void Computation::transform_gradient(int image, const Tile& tile, int row) {
    std::array<float*, kTilePixels> pixels;
    gradient_.point_to(image, window_of(tile), kOutput, zeros_, pixels.data());
    transforms_.output_gradient.of(tile.rows, tile.columns)(pixels.data(), outputs_, gradient_points_.row(row),
                                                            gradient_points_.strides);
}

void Computation::multiply(const Chunk& chunk) {
    constexpr int kRows = 96; // a task's: enough for a panel of the kernel's spectrum to be worth reading
    const int blocks = (chunk.images * tiling_.count() + kRows - 1) / kRows, across = scheme_.patch();
    if (wanted_.output || wanted_.x_gradient) {
        in_parallel(int64_t{scheme_.points()} * blocks, 1, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) {
                const int point = point_in_order(static_cast<int>(task / blocks), across);
                const Range rows = rows_with(chunk, point);
                const int first = rows.begin + static_cast<int>(task % blocks) * kRows;
                multiply_rows(point, first, std::min(first + kRows, rows.end));
            }
        });
    }
    if (!wanted_.kernel_gradient) return;
    constexpr int kOutputs = 32, kAll = kKernelPoints * kKernelPoints; // a task's
    in_parallel(int64_t{kAll} * ((outputs_ + kOutputs - 1) / kOutputs), 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int first = static_cast<int>(task / kAll) * kOutputs;
            multiply_for_kernel(chunk, point_in_order(static_cast<int>(task % kAll), kKernelPoints), first,
                                std::min(first + kOutputs, outputs_));
        }
    });
}

Computation::Range Computation::rows_with(const Chunk& chunk, int point) const {
    const auto [begin, end] = tiling_.rows_with(point, chunk.images);
    return {begin, end};
}

int Computation::kernel_point(int point) const {
    const int across = scheme_.patch();
    return scheme_.kernel_point(point / across) * kKernelPoints + scheme_.kernel_point(point % across);
}

void Computation::multiply_rows(int point, int first_row, int end_row) {
    if (first_row >= end_row) return;
    const auto product = [&](const Spectrum& rows, const Spectrum& kernel, const Spectrum& out) {
        return Product{.a = rows.point(point),
                       .a_panel = rows.strides.panel,
                       .b = kernel.point(kernel_point(point)),
                       .b_panel = kernel.strides.panel,
                       .out = out.point(point),
                       .out_panel = out.strides.panel,
                       .first_row = first_row,
                       .end_row = end_row};
    };
    if (wanted_.output) {
        Product outputs = product(x_points_, kernel_by_outputs_, output_points_);
        outputs.inner = input_panels_ * kPanel;
        outputs.lanes = lanes_.data();
        outputs.panels = panels_of(outputs_);
        kernels_.multiply(outputs);
    }
    if (wanted_.x_gradient) {
        Product inputs = product(gradient_points_, kernel_by_inputs_, x_gradient_points_);
        inputs.inner = outputs_;
        inputs.panels = input_panels_;
        kernels_.multiply(inputs);
    }
}

// Summed over the points of maps that share the kernel's; zeros where no tile has it.
void Computation::multiply_for_kernel(const Chunk& chunk, int at, int first_output, int end_output) {
    bool add = chunk.first_image > 0;
    for (int point = 0; point < scheme_.points(); ++point) {
        if (kernel_point(point) != at) continue;
        const Range rows = rows_with(chunk, point);
        kernels_.multiply_transposed({.a = gradient_points_.point(point) + rows.begin * kPanel,
                                      .a_panel = gradient_points_.strides.panel,
                                      .b = x_points_.point(point) + rows.begin * kPanel,
                                      .b_panel = x_points_.strides.panel,
                                      .out = kernel_gradient_points_.point(at),
                                      .out_panel = kernel_gradient_points_.strides.panel,
                                      .first_row = first_output,
                                      .end_row = end_output,
                                      .inner = rows.end - rows.begin,
                                      .panels = input_panels_,
                                      .add = add});
        add = true;
    }
}

void Computation::write_maps(const Chunk& chunk) {
    if (!wanted_.output && !wanted_.x_gradient) return;
    for_tiles(chunk, [&](int image, const Tile& tile, int row) {
        if (wanted_.output) write_tile(image, tile, row);
        if (wanted_.x_gradient) add_patch(image, tile, row);
    });
}

void Computation::write_tile(int image, const Tile& tile, int row) {
    std::array<float*, kTilePixels> pixels;
    output_.point_to(image, window_of(tile), kOutput, unread(), pixels.data());
    transforms_.output_tile.of(tile.rows, tile.columns)(output_points_.row(row), output_points_.strides, outputs_,
                                                        bias_.defined() ? bias_.data_ptr<float>() : nullptr, pixels.data());
}

void Computation::add_patch(int image, const Tile& tile, int row) {
    const ToPixels transform = transforms_.map_gradient.of(tile.rows, tile.columns);
    const SpectrumStrides& strides = x_gradient_points_.strides;
    std::array<float*, kMostPixels> pixels;
    for (size_t i = 0; i < parts_.size(); ++i) {
        const Map& map = x_gradient_[i];
        if (tile.top == 0 && tile.left == 0) std::fill_n(map.image(image), map.image_floats(), 0.0F);
        map.point_to(image, seen_by(tile), scheme_.patch(), unread(), pixels.data());
        transform(x_gradient_points_.row(row) + parts_[i].first_panel * strides.panel, strides, parts_[i].channels, nullptr,
                  pixels.data());
    }
}

void Computation::write_kernel_gradient() {
    float* const gradient = results_.kernel_gradient.data_ptr<float>();
    const SpectrumStrides& strides = kernel_gradient_points_.strides;
    const ToPixels transform = transforms_.kernel_gradient.of(tiling_.longest());
    in_parallel(outputs_, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
            for (const Part& part : parts_) {
                const auto pixels = kernel_pixels(gradient, k, part.first_channel);
                transform(kernel_gradient_points_.row(k) + part.first_panel * strides.panel, strides, part.channels, nullptr,
                          pixels.data());
            }
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

int64_t Shape::all_channels() const { return std::accumulate(channels.begin(), channels.end(), int64_t{0}); }

Results compute(const Shape& shape, const Arguments& arguments, const Wanted& wanted, const Kernels& kernels) {
    return Computation(shape, arguments, wanted, kernels).run();
}

} // namespace dagan::winograd
