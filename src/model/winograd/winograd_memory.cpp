#include "model/winograd/winograd_memory.h"

#include "base/error.h"

#include <algorithm>

namespace dagan::model::winograd {

namespace {

std::vector<ptrdiff_t> pixel_offsets(const torch::Tensor& tensor, int dimension, int64_t count) {
    const int64_t size = tensor.size(dimension), stride = tensor.stride(dimension);
    std::vector<ptrdiff_t> pixel_offsets(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i)
        pixel_offsets[static_cast<size_t>(i)] = i * size / count * stride;
    return pixel_offsets;
}

SpectrumStrides strides_for(int64_t rows, int panels) {
    const ptrdiff_t panel = rows * kPanel;
    // One cache line more, so that points do not share one set of a cache.
    return {.point = panel * panels + kPanel, .panel = panel};
}

} // namespace

MapView::MapView(const torch::Tensor& tensor, int64_t height, int64_t width)
    : data_(tensor.data_ptr<float>()), image_floats_(tensor.stride(0)),
      offsets_(std::make_shared<const PixelOffsets>(pixel_offsets(tensor, 2, height),
                                                    pixel_offsets(tensor, 3, width))) {}

MapView MapView::from_channel(int channel) const {
    MapView map = *this;
    map.data_ += channel;
    return map;
}

void MapView::pixel_pointers(int image, const Window& window, int pointers_per_row, float* outside,
                             float** pixels) const {
    const auto& [rows, columns] = *offsets_;
    const auto height = static_cast<int>(rows.size()), width = static_cast<int>(columns.size());
    for (int i = 0; i < window.rows; ++i, pixels += pointers_per_row) {
        const int y = window.top + i;
        if (y < 0 || y >= height) {
            std::fill_n(pixels, window.columns, outside);
            continue;
        }
        float* const row = this->image(image) + rows[static_cast<size_t>(y)];
        for (int j = 0; j < window.columns; ++j) {
            const int x = window.left + j;
            pixels[j] = x < 0 || x >= width ? outside : row + columns[static_cast<size_t>(x)];
        }
    }
}

void MapView::prefetch(int image, const Window& window, int channels) const {
    const auto& [rows, columns] = *offsets_;
    const auto height = static_cast<int>(rows.size()), width = static_cast<int>(columns.size());
    const int bottom = std::min(window.top + window.rows, height),
              right = std::min(window.left + window.columns, width);
    for (int y = std::max(window.top, 0); y < bottom; ++y) {
        const float* const row = this->image(image) + rows[static_cast<size_t>(y)];
        for (int x = std::max(window.left, 0); x < right; ++x)
            winograd::prefetch(row + columns[static_cast<size_t>(x)], channels);
    }
}

torch::Tensor viewable(const torch::Tensor& tensor) {
    require(tensor.scalar_type() == torch::kFloat && tensor.device().is_cpu() && tensor.dim() == 4,
            "maps are float tensors on the CPU");
    const int64_t channels = tensor.size(1);
    if (channels >= kPanel)
        return tensor.stride(1) == 1 ? tensor
                                     : tensor.contiguous(torch::MemoryFormat::ChannelsLast);
    const torch::Tensor wide =
        torch::zeros({tensor.size(0), tensor.size(2), tensor.size(3), kPanel}, tensor.options());
    const torch::Tensor narrow = wide.permute({0, 3, 1, 2}).narrow(1, kPanel - channels, channels);
    narrow.copy_(tensor);
    return narrow;
}

float* Arena::allocate(int64_t floats) {
    float* const piece = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += floats;
    return piece;
}

Spectrum Arena::allocate_spectrum(int points, int64_t rows, int panels) {
    const SpectrumStrides strides = strides_for(rows, panels);
    return {allocate(points * strides.point), strides};
}

Scratch& Scratch::of_this_thread() {
    thread_local Scratch scratch;
    return scratch;
}

float* Scratch::floats(int64_t count) {
    if (!memory_.defined() || memory_.numel() < count) {
        memory_ = torch::Tensor();
        memory_ = torch::zeros({count}, torch::kFloat);
    }
    return memory_.data_ptr<float>();
}

} // namespace dagan::model::winograd
