#include "model/winograd/winograd.h"

#include "base/error.h"
#include "model/tensor/same_conv.h"
#include "model/winograd/winograd_computation.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dagan::model::winograd {

namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;

// Channels of a block; the last block of a map has fewer than twice as many.
constexpr int kBlockChannels = 64;

int zeros_before(int64_t size, int64_t stride) {
    return static_cast<int>(same_padding(size, 3, stride).before);
}

} // namespace

Computation::Computation(const Shape& shape, const Arguments& arguments, const ResultMask& mask,
                         const Kernels& kernels)
    : shape_(shape), scheme_{static_cast<int>(shape.stride)}, kernels_(kernels),
      transforms_(kernels.transforms(scheme_)), mask_(mask),
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
    require(shape.stride == 1 || shape.stride == 2, "the stride is 1 or 2");
    require(outputs_ >= kPanel, "the output has at least 16 channels");
    make_blocks();
    read_arguments(arguments);
    make_results(arguments.kernel_gradient_sum);
    choose_chunks();
    allocate_spectra(Scratch::of_this_thread().floats(allocate_spectra(nullptr)));
}

void Computation::make_blocks() {
    int first = 0;
    for (const int64_t channels : shape_.channels) {
        require(channels >= kPanel || first >= kPanel,
                "a map has at least 16 channels or follows one that has");
        const int count = static_cast<int>(channels), blocks = std::max(1, count / kBlockChannels);
        for (int i = 0; i < blocks; ++i) {
            ChannelBlock& block = blocks_.emplace_back();
            block.channels = {first + i * kBlockChannels,
                              i + 1 < blocks ? kBlockChannels : count - i * kBlockChannels};
            block.first_of_map = i == 0;
        }
        first += count;
    }
}

void Computation::read_arguments(const Arguments& arguments) {
    if (uses_x()) {
        require(arguments.x.size() == shape_.channels.size(),
                "x has one map for each entry of Shape::channels");
        for (const torch::Tensor& map : arguments.x) x_tensors_.push_back(viewable(map));
        assign_maps(x_tensors_, &ChannelBlock::x);
    }
    if (uses_gradient()) {
        gradient_tensor_ = viewable(arguments.output_gradient);
        gradient_ = MapView(gradient_tensor_, shape_.output_height(), shape_.output_width());
    }
    if (mask_.output || mask_.x_gradient) {
        kernel_tensor_ = arguments.kernel.contiguous(kChannelsLast);
        kernel_ = kernel_tensor_.data_ptr<float>();
    }
    if (arguments.bias.defined()) {
        bias_tensor_ = arguments.bias.contiguous();
        bias_ = bias_tensor_.data_ptr<float>();
    }
}

// Gives each block the view of its channels of its map.
void Computation::assign_maps(const std::vector<torch::Tensor>& maps,
                              MapView ChannelBlock::*member) {
    auto next = maps.begin();
    MapView map;
    int first_channel = 0; // of the map
    for (ChannelBlock& block : blocks_) {
        if (block.first_of_map) {
            map = MapView(*next++, shape_.height, shape_.width);
            first_channel = block.channels.first;
        }
        block.*member = map.from_channel(block.channels.first - first_channel);
    }
}

void Computation::make_results(const torch::Tensor& sum) {
    const auto tensor = [](int64_t first, int64_t second, int64_t height, int64_t width) {
        return torch::empty({first, second, height, width},
                            torch::dtype(torch::kFloat).memory_format(kChannelsLast));
    };
    if (mask_.output) {
        results_.output = tensor(images_, outputs_, shape_.output_height(), shape_.output_width());
        output_ = MapView(results_.output, shape_.output_height(), shape_.output_width());
    }
    if (mask_.x_gradient) {
        for (const int64_t channels : shape_.channels) {
            results_.x_gradient.push_back(
                channels < kPanel ? torch::zeros({images_, channels, 1, 1})
                                  : tensor(images_, channels, shape_.map_height, shape_.map_width));
        }
        assign_maps(results_.x_gradient, &ChannelBlock::gradient);
    }
    if (!mask_.kernel_gradient) return;
    require(!sum.defined() || sum.is_contiguous(kChannelsLast),
            "the sum of the kernel's gradients is channels last");
    results_.kernel_gradient = sum.defined() ? sum : tensor(outputs_, inputs_, 3, 3);
    kernel_gradient_ = results_.kernel_gradient.data_ptr<float>();
}

void Computation::choose_chunks() {
    Arena kernels;
    for (ChannelBlock& block : blocks_) allocate_kernel_spectra(kernels, block);
    const int64_t per_tile = int64_t{scheme_.points()} * kPanel *
                             (max_panels() * (uses_x() + mask_.x_gradient) +
                              panels_of(outputs_) * (uses_gradient() + mask_.output));
    images_per_chunk_ = images_per_chunk(images_, tiling_.count(), per_tile, kernels.floats());
}

int Computation::max_panels() const {
    return std::ranges::max_element(blocks_, {}, &ChannelBlock::panels)->panels();
}

// Places all spectra in `memory` and returns their size in floats. If there is only one chunk, all
// blocks use the same memory for the kernel's spectra.
int64_t Computation::allocate_spectra(float* memory) {
    Arena arena(memory);
    const int panels = max_panels();
    border_floats_ = int64_t{std::max(panels, panels_of(outputs_))} * kPanel;
    // kPanel floats in front of the zeros: see viewable().
    const int64_t outside = kPanel + border_floats_ * (1 + at::get_num_threads());
    float* const cleared = arena.allocate(outside);
    if (memory != nullptr) {
        std::fill_n(cleared, outside, 0.0F);
        zeros_ = cleared + kPanel;
        discard_ = zeros_ + border_floats_;
    }
    const int points = scheme_.points();
    const int64_t rows = int64_t{images_per_chunk_} * tiling_.count();
    if (uses_x()) x_points_ = arena.allocate_spectrum(points, rows, panels);
    if (mask_.x_gradient) x_gradient_points_ = arena.allocate_spectrum(points, rows, panels);
    if (uses_gradient())
        gradient_points_ = arena.allocate_spectrum(points, rows, panels_of(outputs_));
    if (mask_.output) output_points_ = arena.allocate_spectrum(points, rows, panels_of(outputs_));
    const Arena without_kernels = arena;
    int64_t max_floats = 0;
    for (ChannelBlock& block : blocks_) {
        if (images_per_chunk_ == images_) arena = without_kernels;
        allocate_kernel_spectra(arena, block);
        max_floats = std::max(max_floats, arena.floats());
    }
    return max_floats;
}

void Computation::allocate_kernel_spectra(Arena& arena, ChannelBlock& block) const {
    constexpr int kPoints = kKernelPoints * kKernelPoints;
    if (mask_.output)
        block.kernel_by_outputs =
            arena.allocate_spectrum(kPoints, block.channels.count, panels_of(outputs_));
    if (mask_.x_gradient && block.has_gradient())
        block.kernel_by_inputs = arena.allocate_spectrum(kPoints, outputs_, block.panels());
    if (mask_.kernel_gradient)
        block.kernel_gradient = arena.allocate_spectrum(kPoints, outputs_, block.panels());
}

bool supported_by_cpu(const Kernels& kernels) {
    if (&kernels == &kAvx512Kernels) return __builtin_cpu_supports("avx512f") != 0;
    if (&kernels == &kAvx2Kernels)
        return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
    return true;
}

const Kernels& kernels_of_cpu() {
    for (const Kernels* kernels : {&kAvx512Kernels, &kAvx2Kernels}) {
        if (supported_by_cpu(*kernels)) return *kernels;
    }
    return kPortableKernels;
}

int64_t Shape::all_channels() const {
    return std::accumulate(channels.begin(), channels.end(), int64_t{0});
}

Results compute(const Shape& shape, const Arguments& arguments, const ResultMask& mask,
                const Kernels& kernels) {
    return Computation(shape, arguments, mask, kernels).run();
}

} // namespace dagan::model::winograd
