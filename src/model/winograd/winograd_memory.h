// Views and memory of a computation (winograd_computation.h): maps by pixels, spectra by rows and
// points, scratch memory.
#pragma once

#include "model/winograd/winograd_kernels.h"

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace dagan::model::winograd {

// Prefetches memory that is read soon: a cache miss takes longer than a transform.
inline void prefetch(const float* from, int floats) {
    constexpr int kLine = 16; // 64 bytes
    for (int i = 0; i < floats; i += kLine) __builtin_prefetch(from + i);
}

// A rectangle of pixels, given by its first; it may reach beyond the map.
struct Window {
    int top = 0, left = 0, rows = 0, columns = 0;
};

// A view of a channels-last tensor [B, C, H, W] as maps of height x width. If the tensor is
// smaller, its pixels repeat (nearest neighbour). The tensor must outlive the view.
class MapView {
  public:
    MapView() = default;
    MapView(const torch::Tensor& tensor, int64_t height, int64_t width);
    // The same view without the channels before `channel`.
    MapView from_channel(int channel) const;

    // The first pixel of an image. The image has image_floats() floats.
    float* image(int number) const { return data_ + number * image_floats_; }
    ptrdiff_t image_floats() const { return image_floats_; }
    // Writes pointers to the pixels of `window`, in rows of `pointers_per_row` pointers. Pixels
    // beyond the map point to `outside`.
    void pixel_pointers(int image, const Window& window, int pointers_per_row, float* outside,
                        float** pixels) const;
    // Prefetches the first `channels` channels of the pixels of `window`.
    void prefetch(int image, const Window& window, int channels) const;

  private:
    struct PixelOffsets {
        std::vector<ptrdiff_t> rows, columns;
    };

    float* data_ = nullptr;
    ptrdiff_t image_floats_ = 0;
    std::shared_ptr<const PixelOffsets> offsets_;
};

// Returns a tensor that a MapView can read: `tensor` itself, or a channels-last copy. A map of
// fewer channels than a panel is copied behind enough floats that a vector that ends with a pixel's
// channels may be read. Throws Blame::bug unless the tensor is a float map on the CPU.
torch::Tensor viewable(const torch::Tensor& tensor);

// The matrices of one spectrum; winograd_kernels.h has the layout.
struct Spectrum {
    float* data = nullptr;
    SpectrumStrides strides;
    float* row(int64_t row) const { return data + row * kPanel; }
    float* point(int64_t point) const { return data + point * strides.point; }
};

// Allocates consecutive pieces of `memory`. Without memory it only counts the floats.
class Arena {
  public:
    explicit Arena(float* memory = nullptr) : memory_(memory) {}
    float* allocate(int64_t floats);
    Spectrum allocate_spectrum(int points, int64_t rows, int panels);
    int64_t floats() const { return used_; }

  private:
    float* memory_;
    int64_t used_ = 0;
};

// Memory that is kept between calls, one per calling thread. Fresh memory would cost a page fault
// for every 4 KiB, which takes as long as a small convolution.
class Scratch {
  public:
    static Scratch& of_this_thread();
    // Returns `count` floats, valid until the next call. Their contents are unspecified.
    float* floats(int64_t count);

  private:
    torch::Tensor memory_;
};

} // namespace dagan::model::winograd
