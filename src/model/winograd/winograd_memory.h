// How winograd.cpp sees memory: maps by their pixels, spectra by their rows and points, and where spectra lie.
#pragma once

#include "model/winograd/winograd_kernels.h"

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace dagan::model::winograd {

// Asks for memory that will soon be read: what is not in the caches takes longer to come than a transform does.
inline void prefetch(const float* from, int floats) {
    constexpr int kLine = 16; // 64 bytes
    for (int i = 0; i < floats; i += kLine) __builtin_prefetch(from + i);
}

// A rectangle of pixels, by its first; it may reach beyond the map.
struct Window {
    int top = 0, left = 0, rows = 0, columns = 0;
};

// A map of height x width whose channels lie next to each other; where the tensor is smaller, its pixels repeat (nearest
// neighbour). The tensor must outlive it.
class Map {
  public:
    Map() = default;
    Map(const torch::Tensor& tensor, int64_t height, int64_t width);
    Map from_channel(int channel) const; // the same without the channels before

    // The images' first pixels and all that belongs to them: image_floats() floats.
    float* image(int number) const { return data_ + number * image_floats_; }
    ptrdiff_t image_floats() const { return image_floats_; }
    // Pointers to the pixels of a window, in rows of `across` pointers; to `outside` for those beyond the map.
    void point_to(int image, const Window& window, int across, float* outside,
                  float** pixels) const;
    // Asks for some channels of a window's pixels, so that they are on their way when they are read.
    void prefetch(int image, const Window& window, int channels) const;

  private:
    struct Starts {
        std::vector<ptrdiff_t> rows, columns;
    };

    float* data_ = nullptr;
    ptrdiff_t image_floats_ = 0;
    std::shared_ptr<const Starts> starts_;
};

// The tensor as a Map can read it: itself, or copied channels last. Before the pixels of a map of fewer channels than a panel
// there is room for the rest of one: a vector is read that ends with them.
torch::Tensor readable(const torch::Tensor& tensor);

// The matrices of one spectrum.
struct Spectrum {
    float* data = nullptr;
    SpectrumStrides strides;
    float* row(int64_t row) const { return data + row * kPanel; }
    float* point(int64_t point) const { return data + point * strides.point; }
};

// Hands out pieces of a memory one after the other; without a memory it only counts them.
class Layout {
  public:
    explicit Layout(float* memory = nullptr) : memory_(memory) {}
    float* take(int64_t floats);
    Spectrum take_spectrum(int points, int64_t rows, int panels);
    int64_t floats() const { return taken_; }

  private:
    float* memory_;
    int64_t taken_ = 0;
};

// Memory that is kept from call to call, one for each thread that calls: fresh memory from the system would cost a page fault for
// every 4 KiB, as long as a small convolution.
class Scratch {
  public:
    static Scratch& of_this_thread();
    float* floats(int64_t count);

  private:
    torch::Tensor memory_;
};

} // namespace dagan::model::winograd
