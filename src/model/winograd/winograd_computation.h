// One computation of winograd.h: the state between its steps. Internal to this folder.
//
// The images are processed in chunks and the input channels in blocks. Each block of a chunk takes
// three steps: transform the arguments to spectra, multiply the spectra, transform the products to
// results. winograd.cpp prepares a computation; winograd_computation.cpp runs it.
#pragma once

#include "model/tensor/parallel.h"
#include "model/winograd/winograd.h"
#include "model/winograd/winograd_filters.h"
#include "model/winograd/winograd_memory.h"
#include "model/winograd/winograd_tiling.h"

#include <array>
#include <cstdint>
#include <vector>

namespace dagan::model::winograd {

// Largest number of points in a spectrum.
inline constexpr int kMaxPoints = Scheme{2}.points();

// Some channels of one of the maps of x. Blocks are processed one after the other, so that the
// spectra of a block stay in the caches until they are used again.
struct ChannelBlock {
    ChannelRange channels;
    MapView x, gradient;
    bool first_of_map = true;
    // Rows are input channels, channels are output channels.
    Spectrum kernel_by_outputs;
    // Rows are output channels, channels are input channels.
    Spectrum kernel_by_inputs, kernel_gradient;

    int panels() const { return panels_of(channels.count); }
    bool has_gradient() const { return channels.count >= kPanel; }
};

// Computes the results of `mask`; the parameters are those of compute().
class Computation {
  public:
    Computation(const Shape& shape, const Arguments& arguments, const ResultMask& mask,
                const Kernels& kernels);
    Results run();

  private:
    struct Range {
        int begin = 0, end = 0;
    };
    // Some images, and for each point the rows of their spectra that have it.
    struct Chunk {
        int first_image = 0, images = 0;
        std::array<Range, kMaxPoints> rows{};
    };

    void make_blocks();
    void read_arguments(const Arguments& arguments);
    void make_results(const torch::Tensor& sum);
    void assign_maps(const std::vector<torch::Tensor>& maps, MapView ChannelBlock::*member);
    void choose_chunks();
    int max_panels() const; // of a block
    int64_t allocate_spectra(float* memory);
    void allocate_kernel_spectra(Arena& arena, ChannelBlock& block) const;
    bool uses_x() const { return mask_.output || mask_.kernel_gradient; }
    bool uses_gradient() const { return mask_.x_gradient || mask_.kernel_gradient; }
    Chunk chunk_from(int first_image) const;
    int kernel_point(int point) const;
    Window input_window(const Tile& tile) const;
    Window new_input_window(const Tile& tile) const;
    float* discard() const { return discard_ + parallel_thread() * border_floats_; }
    bool is_first(const ChannelBlock& block) const { return &block == &blocks_.front(); }
    bool is_last(const ChannelBlock& block) const { return &block == &blocks_.back(); }
    bool is_last(const Chunk& chunk) const { return chunk.first_image + chunk.images == images_; }

    // The steps of one block of a chunk.
    void transform_inputs(const Chunk& chunk, const ChannelBlock& block);
    void multiply(const Chunk& chunk, const ChannelBlock& block);
    void transform_results(const Chunk& chunk, const ChannelBlock& block);

    template <class Prefetch, class Work>
    ParallelLoop tile_loop(const Chunk& chunk, Prefetch prefetch_tile, Work work) const;
    void transform_patch(const ChannelBlock& block, int image, const Tile& tile, int row) const;
    void transform_gradient(int image, const Tile& tile, int row) const;
    void multiply_rows(const ChannelBlock& block, int point, int first_row, int end_row) const;
    void multiply_for_kernel(const Chunk& chunk, const ChannelBlock& block, int at,
                             int first_output, int end_output) const;
    void write_tile(int image, const Tile& tile, int row) const;
    void add_patch(const ChannelBlock& block, int image, const Tile& tile, int row) const;

    const Shape shape_;
    const Scheme scheme_;
    const Kernels& kernels_;
    const Transforms& transforms_;
    const ResultMask mask_;
    const bool adds_to_sum_; // the kernel's gradient is added to a given sum
    torch::Tensor kernel_tensor_, bias_tensor_, gradient_tensor_;
    std::vector<torch::Tensor> x_tensors_;
    const float *kernel_ = nullptr, *bias_ = nullptr;
    float* kernel_gradient_ = nullptr;
    Results results_;
    std::vector<ChannelBlock> blocks_;
    MapView gradient_, output_; // gradient_ is that of the output
    const int images_, inputs_, outputs_;
    int images_per_chunk_ = 0;
    const int zeros_above_, zeros_left_;
    Tiling tiling_;
    const FilterTransforms filters_;
    // Read in place of pixels outside of maps.
    float* zeros_ = nullptr;
    // Written in place of pixels outside of maps, a piece for each thread.
    float* discard_ = nullptr;
    int64_t border_floats_ = 0;
    // Rows are tiles. The channels are the block's input channels for x and its gradient, the
    // output channels for the output and its gradient.
    Spectrum x_points_, x_gradient_points_, output_points_, gradient_points_;
};

} // namespace dagan::model::winograd
