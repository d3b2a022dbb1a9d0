// The kernel's side of winograd.cpp: a kernel's spectra, for the output and for the map's gradient, and its gradient from one.
#pragma once

#include "model/tensor/parallel.h"
#include "model/winograd/winograd_kernels.h"
#include "model/winograd/winograd_memory.h"

#include <array>
#include <cstdint>

namespace dagan::model::winograd {

// Some input channels of a kernel.
struct Channels {
    int first = 0, count = 0;
};

// Of kernels [K][3][3][C]. The shares' work must end before what they point to does.
class Filters {
  public:
    Filters(const Kernels& kernels, const Transforms& transforms, int longest_tile, int outputs,
            int inputs)
        : kernels_(kernels), to_points_(transforms.kernel.of(longest_tile)),
          to_gradient_(transforms.kernel_gradient.of(longest_tile)),
          to_sum_(transforms.kernel_gradient_added.of(longest_tile)), outputs_(outputs),
          inputs_(inputs) {}

    // Rows are the input channels, channels the outputs.
    Share by_outputs(const float* kernel, const Channels& channels, const Spectrum& spectrum) const;
    // The other way round.
    Share by_inputs(const float* kernel, const Channels& channels, const Spectrum& spectrum) const;
    // From a spectrum as by_inputs(): written, or added to what is there.
    Share gradient(const Spectrum& spectrum, const Channels& channels, float* gradient,
                   bool add) const;

  private:
    ptrdiff_t filter_floats() const { return ptrdiff_t{kKernelPixels} * inputs_; }
    // The pixels of a filter from a channel on.
    template <class Float>
    std::array<Float*, kKernelPixels> pixels(Float* kernel, int64_t filter, int channel) const;
    template <class Float>
    void prefetch_next(const std::array<Float*, kKernelPixels>& pixels, int channels) const;
    void transform_panel(const float* kernel, const Channels& channels, const Spectrum& spectrum,
                         int panel, int first, int count, float* gathered) const;

    const Kernels& kernels_;
    FromPixels to_points_;
    ToPixels to_gradient_, to_sum_;
    int outputs_, inputs_;
};

} // namespace dagan::model::winograd
