#include "model/winograd/winograd.h"

#include "base/error.h"
#include "model/tensor/parallel.h"
#include "model/tensor/same_conv.h"
#include "model/winograd/winograd_filters.h"
#include "model/winograd/winograd_memory.h"
#include "model/winograd/winograd_tiling.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace dagan::model::winograd {

namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;
constexpr int kMostPoints = Scheme{2}.points(),
              kMostPixels = kMostPoints; // of a tile; that a tile sees

// The order in which points are multiplied: along the diagonals of their square, because short tiles leave out one row and one
// column of it, and threads take equal shares of the order.
constexpr int point_in_order(int i, int across) {
    return i % across * across + (i + i / across) % across;
}

// Some channels of one of the maps that x is made of. The parts are worked through one after the other, so that what is between
// them and the results stays small: several times larger, it would leave the caches before it is used again.
struct Part {
    Channels channels;
    Map x, gradient;
    bool first_of_map = true;
    Spectrum kernel_by_outputs; // rows input channels, channels output channels
    Spectrum kernel_by_inputs;  // the other way round
    Spectrum kernel_gradient;   // as kernel_by_inputs

    int panels() const { return panels_of(channels.count); }
    bool has_gradient() const { return channels.count >= kPanel; }
};

constexpr auto kFetchNothing = [](int /*image*/, const Tile&) {}; // for_tiles

constexpr int kPartChannels = 64; // of a part, but for a rest

// The pixels that a tile makes.
Window window_of(const Tile& tile) { return {tile.top, tile.left, tile.rows, tile.columns}; }

int zeros_before(int64_t size, int64_t stride) {
    return static_cast<int>(same_padding(size, 3, stride).before);
}

class Computation {
  public:
    Computation(const Shape& shape, const Arguments& arguments, const Wanted& wanted,
                const Kernels& kernels);
    Results run();

  private:
    struct Range {
        int begin = 0, end = 0;
    };
    // Some images, and the rows that have each point in their spectra.
    struct Chunk {
        int first_image = 0, images = 0;
        std::array<Range, kMostPoints> rows{};
    };

    void cut_into_parts();
    void hold_maps(const Arguments& arguments);
    void make_results(const torch::Tensor& sum);
    void give_parts(const std::vector<torch::Tensor>& maps, Map Part::*member);
    void choose_chunks();
    int most_panels() const; // of a part
    int64_t lay_out(float* memory);
    void lay_out_kernel(Layout& layout, Part& part) const;
    bool of_x() const { return wanted_.output || wanted_.kernel_gradient; }
    bool of_gradient() const { return wanted_.x_gradient || wanted_.kernel_gradient; }
    Chunk chunk_from(int first_image) const;
    int kernel_point(int point) const;
    Window seen_by(const Tile& tile) const;
    Window first_seen_by(const Tile& tile) const;
    float* unread() const { return unread_ + thread_in_parallel() * outside_floats_; }
    bool is_first(const Part& part) const { return &part == &parts_.front(); }
    bool is_last(const Part& part) const { return &part == &parts_.back(); }
    bool is_last(const Chunk& chunk) const { return chunk.first_image + chunk.images == images_; }

    // The steps of one part of a chunk.
    void make_spectra(const Chunk& chunk, const Part& part);
    void multiply(const Chunk& chunk, const Part& part);
    void write_results(const Chunk& chunk, const Part& part);

    template <class Fetch, class Work>
    Share for_tiles(const Chunk& chunk, Fetch fetch, Work work) const;
    void transform_patch(const Part& part, int image, const Tile& tile, int row) const;
    void transform_gradient(int image, const Tile& tile, int row) const;
    void multiply_rows(const Part& part, int point, int first_row, int end_row) const;
    void multiply_for_kernel(const Chunk& chunk, const Part& part, int at, int first_output,
                             int end_output) const;
    void write_tile(int image, const Tile& tile, int row) const;
    void add_patch(const Part& part, int image, const Tile& tile, int row) const;

    const Shape shape_;
    const Scheme scheme_;
    const Kernels& kernels_;
    const Transforms& transforms_;
    const Wanted wanted_;
    const bool adds_to_sum_; // the kernel's gradient
    torch::Tensor kernel_held_, bias_held_, gradient_held_;
    std::vector<torch::Tensor> x_held_;
    const float *kernel_ = nullptr, *bias_ = nullptr;
    float* kernel_gradient_ = nullptr;
    Results results_;
    std::vector<Part> parts_;
    Map gradient_, output_; // gradient_: of the output
    const int images_, inputs_, outputs_;
    int images_at_once_ = 0;
    const int zeros_above_, zeros_left_;
    Tiling tiling_;
    const Filters filters_;
    float* zeros_ = nullptr;  // read outside of maps
    float* unread_ = nullptr; // takes what is written there, for each thread
    int64_t outside_floats_ = 0;
    // Rows are tiles: x and x's gradient by a part's input channels, y and y's gradient by output channels.
    Spectrum x_points_, x_gradient_points_, output_points_, gradient_points_;
};

Computation::Computation(const Shape& shape, const Arguments& arguments, const Wanted& wanted,
                         const Kernels& kernels)
    : shape_(shape), scheme_{static_cast<int>(shape.stride)}, kernels_(kernels),
      transforms_(kernels.transforms(scheme_)), wanted_(wanted),
      adds_to_sum_(arguments.kernel_gradient_sum.defined()),
      images_(static_cast<int>(
          (arguments.x.empty() ? arguments.output_gradient : arguments.x.front()).size(0))),
      inputs_(static_cast<int>(shape.all_channels())),
      outputs_(static_cast<int>(arguments.kernel.defined() ? arguments.kernel.size(0)
                                                           : arguments.output_gradient.size(1))),
      zeros_above_(zeros_before(shape.height, shape.stride)),
      zeros_left_(zeros_before(shape.width, shape.stride)),
      tiling_(scheme_, static_cast<int>(shape.output_height()),
              static_cast<int>(shape.output_width())),
      filters_(kernels, transforms_, tiling_.longest(), outputs_, inputs_) {
    require(shape.stride == 1 || shape.stride == 2, "a stride of 1 or 2");
    require(outputs_ >= kPanel, "a map has 16 channels or more");
    cut_into_parts();
    hold_maps(arguments);
    make_results(arguments.kernel_gradient_sum);
    choose_chunks();
    lay_out(Scratch::of_this_thread().floats(lay_out(nullptr)));
}

void Computation::cut_into_parts() {
    int first = 0;
    for (const int64_t channels : shape_.channels) {
        require(channels >= kPanel || first >= kPanel,
                "a map has 16 channels or more, or comes behind one that has");
        const int count = static_cast<int>(channels), parts = std::max(1, count / kPartChannels);
        for (int i = 0; i < parts; ++i) {
            Part& part = parts_.emplace_back();
            part.channels = {first + i * kPartChannels,
                             i + 1 < parts ? kPartChannels : count - i * kPartChannels};
            part.first_of_map = i == 0;
        }
        first += count;
    }
}

void Computation::hold_maps(const Arguments& arguments) {
    if (of_x()) {
        require(arguments.x.size() == shape_.channels.size(), "x has the maps that its shape says");
        for (const torch::Tensor& map : arguments.x) x_held_.push_back(readable(map));
        give_parts(x_held_, &Part::x);
    }
    if (of_gradient()) {
        gradient_held_ = readable(arguments.output_gradient);
        gradient_ = Map(gradient_held_, shape_.output_height(), shape_.output_width());
    }
    if (wanted_.output || wanted_.x_gradient) {
        kernel_held_ = arguments.kernel.contiguous(kChannelsLast);
        kernel_ = kernel_held_.data_ptr<float>();
    }
    if (arguments.bias.defined()) {
        bias_held_ = arguments.bias.contiguous();
        bias_ = bias_held_.data_ptr<float>();
    }
}

// Each part its channels of its map.
void Computation::give_parts(const std::vector<torch::Tensor>& maps, Map Part::*member) {
    auto next = maps.begin();
    Map map;
    int first_channel = 0; // of the map
    for (Part& part : parts_) {
        if (part.first_of_map) {
            map = Map(*next++, shape_.height, shape_.width);
            first_channel = part.channels.first;
        }
        part.*member = map.from_channel(part.channels.first - first_channel);
    }
}

void Computation::make_results(const torch::Tensor& sum) {
    const auto tensor = [](int64_t first, int64_t second, int64_t height, int64_t width) {
        return torch::empty({first, second, height, width},
                            torch::dtype(torch::kFloat).memory_format(kChannelsLast));
    };
    if (wanted_.output) {
        results_.output = tensor(images_, outputs_, shape_.output_height(), shape_.output_width());
        output_ = Map(results_.output, shape_.output_height(), shape_.output_width());
    }
    if (wanted_.x_gradient) {
        for (const int64_t channels : shape_.channels) {
            results_.x_gradient.push_back(
                channels < kPanel ? torch::zeros({images_, channels, 1, 1})
                                  : tensor(images_, channels, shape_.map_height, shape_.map_width));
        }
        give_parts(results_.x_gradient, &Part::gradient);
    }
    if (!wanted_.kernel_gradient) return;
    require(!sum.defined() || sum.is_contiguous(kChannelsLast),
            "gradients of kernels lie channels last");
    results_.kernel_gradient = sum.defined() ? sum : tensor(outputs_, inputs_, 3, 3);
    kernel_gradient_ = results_.kernel_gradient.data_ptr<float>();
}

void Computation::choose_chunks() {
    Layout kernels;
    for (Part& part : parts_) lay_out_kernel(kernels, part);
    const int64_t per_tile = int64_t{scheme_.points()} * kPanel *
                             (most_panels() * (of_x() + wanted_.x_gradient) +
                              panels_of(outputs_) * (of_gradient() + wanted_.output));
    images_at_once_ = images_at_once(images_, tiling_.count(), per_tile, kernels.floats());
}

int Computation::most_panels() const {
    return std::ranges::max_element(parts_, {}, &Part::panels)->panels();
}

// Where all that is between the maps lies; returns its size in floats. With one chunk a part's kernels are done with before the
// next part needs any.
int64_t Computation::lay_out(float* memory) {
    Layout layout(memory);
    const int panels = most_panels();
    outside_floats_ = int64_t{std::max(panels, panels_of(outputs_))} * kPanel;
    const int64_t outside =
        kPanel + outside_floats_ * (1 + at::get_num_threads()); // as before a narrow map's pixels
    float* const cleared = layout.take(outside);
    if (memory != nullptr) {
        std::fill_n(cleared, outside, 0.0F);
        zeros_ = cleared + kPanel;
        unread_ = zeros_ + outside_floats_;
    }
    const int points = scheme_.points();
    const int64_t rows = int64_t{images_at_once_} * tiling_.count();
    if (of_x()) x_points_ = layout.take_spectrum(points, rows, panels);
    if (wanted_.x_gradient) x_gradient_points_ = layout.take_spectrum(points, rows, panels);
    if (of_gradient()) gradient_points_ = layout.take_spectrum(points, rows, panels_of(outputs_));
    if (wanted_.output) output_points_ = layout.take_spectrum(points, rows, panels_of(outputs_));
    const Layout before_kernels = layout;
    int64_t most = 0;
    for (Part& part : parts_) {
        if (images_at_once_ == images_) layout = before_kernels;
        lay_out_kernel(layout, part);
        most = std::max(most, layout.floats());
    }
    return most;
}

void Computation::lay_out_kernel(Layout& layout, Part& part) const {
    constexpr int kPoints = kKernelPoints * kKernelPoints;
    if (wanted_.output)
        part.kernel_by_outputs =
            layout.take_spectrum(kPoints, part.channels.count, panels_of(outputs_));
    if (wanted_.x_gradient && part.has_gradient())
        part.kernel_by_inputs = layout.take_spectrum(kPoints, outputs_, part.panels());
    if (wanted_.kernel_gradient)
        part.kernel_gradient = layout.take_spectrum(kPoints, outputs_, part.panels());
}

Results Computation::run() {
    for (int first = 0; first < images_; first += images_at_once_) {
        const Chunk chunk = chunk_from(first);
        for (const Part& part : parts_) {
            make_spectra(chunk, part);
            multiply(chunk, part);
            write_results(chunk, part);
        }
    }
    return results_;
}

Computation::Chunk Computation::chunk_from(int first_image) const {
    Chunk chunk{.first_image = first_image,
                .images = std::min(images_at_once_, images_ - first_image)};
    for (int point = 0; point < scheme_.points(); ++point) {
        const auto [begin, end] = tiling_.rows_with(point, chunk.images);
        chunk.rows[static_cast<size_t>(point)] = {begin, end};
    }
    return chunk;
}

void Computation::make_spectra(const Chunk& chunk, const Part& part) {
    std::vector<Share> shares;
    const bool first_chunk = chunk.first_image == 0; // kernels are transformed once
    if (wanted_.output && first_chunk)
        shares.push_back(filters_.by_outputs(kernel_, part.channels, part.kernel_by_outputs));
    if (wanted_.x_gradient && part.has_gradient() && first_chunk)
        shares.push_back(filters_.by_inputs(kernel_, part.channels, part.kernel_by_inputs));
    if (of_x()) {
        shares.push_back(for_tiles(
            chunk,
            [this, &part](int image, const Tile& tile) {
                part.x.prefetch(image, first_seen_by(tile), part.channels.count);
            },
            [this, &part](int image, const Tile& tile, int row) {
                transform_patch(part, image, tile, row);
            }));
    }
    if (of_gradient() && is_first(part)) {
        shares.push_back(for_tiles(
            chunk,
            [this](int image, const Tile& tile) {
                gradient_.prefetch(image, window_of(tile), outputs_);
            },
            [this](int image, const Tile& tile, int row) {
                transform_gradient(image, tile, row);
            }));
    }
    in_parallel(shares);
}

// fetch(image, tile) before the tile's turn, work(image, tile, row of the spectra), shared by image: the patches that a map's
// gradient is summed from overlap.
template <class Fetch, class Work>
Share Computation::for_tiles(const Chunk& chunk, Fetch fetch, Work work) const {
    return {chunk.images, [this, &chunk, fetch, work](int64_t begin, int64_t end) {
                const std::vector<Tile>& tiles = tiling_.tiles();
                for (int image = static_cast<int>(begin); image < end; ++image) {
                    for (size_t i = 0; i < tiles.size(); ++i) {
                        if (i + 1 < tiles.size()) {
                            fetch(chunk.first_image + image, tiles[i + 1]);
                        } else if (image + 1 < end) {
                            fetch(chunk.first_image + image + 1, tiles[0]);
                        }
                        work(chunk.first_image + image, tiles[i],
                             tiling_.row(tiles[i], image, chunk.images));
                    }
                }
            }};
}

void Computation::transform_patch(const Part& part, int image, const Tile& tile, int row) const {
    std::array<float*, kMostPixels> pixels;
    part.x.point_to(image, seen_by(tile), scheme_.patch(), zeros_, pixels.data());
    transforms_.map_patch.of(tile.rows, tile.columns)(pixels.data(), part.channels.count,
                                                      x_points_.row(row), x_points_.strides);
}

Window Computation::seen_by(const Tile& tile) const {
    return {scheme_.stride * tile.top - zeros_above_, scheme_.stride * tile.left - zeros_left_,
            scheme_.pixels_seen(tile.rows), scheme_.pixels_seen(tile.columns)};
}

// All but what the tile to its left saw.
Window Computation::first_seen_by(const Tile& tile) const {
    Window window = seen_by(tile);
    if (tile.left > 0) {
        const int seen = 3 - scheme_.stride;
        window.left += seen;
        window.columns -= seen;
    }
    return window;
}

void Computation::transform_gradient(int image, const Tile& tile, int row) const {
    std::array<float*, kTilePixels> pixels;
    gradient_.point_to(image, window_of(tile), kOutput, zeros_, pixels.data());
    transforms_.output_gradient.of(tile.rows, tile.columns)(
        pixels.data(), outputs_, gradient_points_.row(row), gradient_points_.strides);
}

void Computation::multiply(const Chunk& chunk, const Part& part) {
    constexpr int kRows =
        96; // a task's: enough for a panel of the kernel's spectrum to be worth reading
    const int blocks = (chunk.images * tiling_.count() + kRows - 1) / kRows,
              across = scheme_.patch();
    std::vector<Share> shares;
    if (wanted_.output || wanted_.x_gradient) {
        shares.push_back(
            {int64_t{scheme_.points()} * blocks, [&, blocks, across](int64_t begin, int64_t end) {
                 for (int64_t task = begin; task < end; ++task) {
                     const int point = point_in_order(static_cast<int>(task / blocks), across);
                     const Range rows = chunk.rows[static_cast<size_t>(point)];
                     const int first = rows.begin + static_cast<int>(task % blocks) * kRows;
                     multiply_rows(part, point, first, std::min(first + kRows, rows.end));
                 }
             }});
    }
    constexpr int kOutputs = 32, kPoints = kKernelPoints * kKernelPoints; // a task's
    if (wanted_.kernel_gradient) {
        shares.push_back(
            {int64_t{kPoints} * ((outputs_ + kOutputs - 1) / kOutputs),
             [&](int64_t begin, int64_t end) {
                 for (int64_t task = begin; task < end; ++task) {
                     const int first = static_cast<int>(task / kPoints) * kOutputs;
                     multiply_for_kernel(
                         chunk, part,
                         point_in_order(static_cast<int>(task % kPoints), kKernelPoints), first,
                         std::min(first + kOutputs, outputs_));
                 }
             }});
    }
    in_parallel(shares);
}

int Computation::kernel_point(int point) const {
    const int across = scheme_.patch();
    return scheme_.kernel_point(point / across) * kKernelPoints +
           scheme_.kernel_point(point % across);
}

void Computation::multiply_rows(const Part& part, int point, int first_row, int end_row) const {
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
    if (wanted_.output)
        product(x_points_, part.kernel_by_outputs, output_points_, part.channels.count, outputs_,
                !is_first(part));
    if (wanted_.x_gradient && part.has_gradient())
        product(gradient_points_, part.kernel_by_inputs, x_gradient_points_, outputs_,
                part.channels.count, false);
}

// Summed over the points of maps that share the kernel's; zeros where no tile has it.
void Computation::multiply_for_kernel(const Chunk& chunk, const Part& part, int at,
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
                                          .out = part.kernel_gradient.point(at),
                                          .out_panel = part.kernel_gradient.strides.panel,
                                          .first_row = first_output,
                                          .end_row = end_output,
                                          .inner = rows.end - rows.begin,
                                          .panels = part.panels(),
                                          .add = add});
            add = true;
        }
    }
}

void Computation::write_results(const Chunk& chunk, const Part& part) {
    std::vector<Share> shares;
    if (wanted_.output && is_last(part)) {
        shares.push_back(
            for_tiles(chunk, kFetchNothing, [this](int image, const Tile& tile, int row) {
                write_tile(image, tile, row);
            }));
    }
    if (wanted_.x_gradient && part.has_gradient()) {
        shares.push_back(
            for_tiles(chunk, kFetchNothing, [this, &part](int image, const Tile& tile, int row) {
                add_patch(part, image, tile, row);
            }));
    }
    if (wanted_.kernel_gradient && is_last(chunk))
        shares.push_back(
            filters_.gradient(part.kernel_gradient, part.channels, kernel_gradient_, adds_to_sum_));
    in_parallel(shares);
}

void Computation::write_tile(int image, const Tile& tile, int row) const {
    std::array<float*, kTilePixels> pixels;
    output_.point_to(image, window_of(tile), kOutput, unread(), pixels.data());
    transforms_.output_tile.of(tile.rows, tile.columns)(
        output_points_.row(row), output_points_.strides, outputs_, bias_, pixels.data());
}

void Computation::add_patch(const Part& part, int image, const Tile& tile, int row) const {
    if (part.first_of_map && tile.top == 0 &&
        tile.left == 0) // the whole image, the map's other parts too
        std::fill_n(part.gradient.image(image), part.gradient.image_floats(), 0.0F);
    std::array<float*, kMostPixels> pixels;
    part.gradient.point_to(image, seen_by(tile), scheme_.patch(), unread(), pixels.data());
    transforms_.map_gradient.of(tile.rows, tile.columns)(
        x_gradient_points_.row(row), x_gradient_points_.strides, part.channels.count, nullptr,
        pixels.data());
}

} // namespace

bool runs_here(const Kernels& kernels) {
    if (&kernels == &kAvx512Kernels) return __builtin_cpu_supports("avx512f") != 0;
    if (&kernels == &kAvx2Kernels)
        return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
    return true;
}

const Kernels& kernels_of_cpu() {
    for (const Kernels* kernels : {&kAvx512Kernels, &kAvx2Kernels}) {
        if (runs_here(*kernels)) return *kernels;
    }
    return kPortableKernels;
}

int64_t Shape::all_channels() const {
    return std::accumulate(channels.begin(), channels.end(), int64_t{0});
}

Results compute(const Shape& shape, const Arguments& arguments, const Wanted& wanted,
                const Kernels& kernels) {
    return Computation(shape, arguments, wanted, kernels).run();
}

} // namespace dagan::model::winograd
