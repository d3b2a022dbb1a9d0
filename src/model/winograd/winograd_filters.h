// The kernel's part of a computation (winograd_computation.h): spectra of a kernel, for the output
// and for the map's gradient, and the kernel's gradient from a spectrum.
#pragma once

#include "model/tensor/parallel.h"
#include "model/winograd/winograd_kernels.h"
#include "model/winograd/winograd_memory.h"

#include <array>
#include <cstdint>

namespace dagan::model::winograd {

// A range of input channels of a kernel.
struct ChannelRange {
    int first = 0, count = 0;
};

// Transforms kernels [K][3][3][C], `outputs` = K, `inputs` = C, as loops over output channels for
// parallel_for. The loops must end before their arguments and this object do.
class FilterTransforms {
  public:
    FilterTransforms(const Kernels& kernels, const Transforms& transforms, int longest_tile,
                     int outputs, int inputs)
        : kernels_(kernels), to_points_(transforms.kernel.of(longest_tile)),
          to_gradient_(transforms.kernel_gradient.of(longest_tile)),
          to_sum_(transforms.kernel_gradient_added.of(longest_tile)), outputs_(outputs),
          inputs_(inputs) {}

    // Fills a spectrum whose rows are input channels and whose channels are output channels.
    ParallelLoop by_outputs(const float* kernel, const ChannelRange& channels,
                            const Spectrum& spectrum) const;
    // Fills a spectrum whose rows are output channels and whose channels are input channels.
    ParallelLoop by_inputs(const float* kernel, const ChannelRange& channels,
                           const Spectrum& spectrum) const;
    // Transforms a spectrum with the layout of by_inputs() to the kernel's gradient, which is
    // overwritten or added to.
    ParallelLoop gradient(const Spectrum& spectrum, const ChannelRange& channels, float* gradient,
                          bool add) const;

  private:
    ptrdiff_t filter_floats() const { return ptrdiff_t{kKernelPixels} * inputs_; }
    // Pointers to the 9 pixels of a filter, from `channel` on.
    template <class Float>
    std::array<Float*, kKernelPixels> pixels(Float* kernel, int64_t filter, int channel) const;
    template <class Float>
    void prefetch_next(const std::array<Float*, kKernelPixels>& pixels, int channels) const;
    void transform_panel(const float* kernel, const ChannelRange& channels,
                         const Spectrum& spectrum, int panel, int first, int count,
                         float* gathered) const;

    const Kernels& kernels_;
    FromPixels to_points_;
    ToPixels to_gradient_, to_sum_;
    int outputs_, inputs_;
};

} // namespace dagan::model::winograd
