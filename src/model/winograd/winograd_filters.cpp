#include "model/winograd/winograd_filters.h"

#include <algorithm>

namespace dagan::model::winograd {

template <class Float>
std::array<Float*, kKernelPixels> FilterTransforms::pixels(Float* kernel, int64_t filter,
                                                           int channel) const {
    std::array<Float*, kKernelPixels> pixels{};
    for (int i = 0; i < kKernelPixels; ++i)
        pixels[static_cast<size_t>(i)] = kernel + filter * filter_floats() + i * inputs_ + channel;
    return pixels;
}

template <class Float>
void FilterTransforms::prefetch_next(const std::array<Float*, kKernelPixels>& pixels,
                                     int channels) const {
    for (const float* pixel : pixels) prefetch(pixel + filter_floats(), channels);
}

// A panel of outputs is gathered first, as many input channels at a time as fit on the stack.
ParallelLoop FilterTransforms::by_outputs(const float* kernel, const ChannelRange& channels,
                                          const Spectrum& spectrum) const {
    return {panels_of(outputs_), [=, this](int64_t begin, int64_t end) {
                constexpr int kInputs = 64;
                alignas(64) std::array<float, kKernelPixels * kInputs * kPanel> gathered;
                gathered.fill(0);
                for (int panel = static_cast<int>(begin); panel < end; ++panel) {
                    for (int first = 0; first < channels.count; first += kInputs)
                        transform_panel(kernel, channels, spectrum, panel, first,
                                        std::min(kInputs, channels.count - first), gathered.data());
                }
            }};
}

void FilterTransforms::transform_panel(const float* kernel, const ChannelRange& channels,
                                       const Spectrum& spectrum, int panel, int first, int count,
                                       float* gathered) const {
    constexpr int kRowsAhead = 4; // rows of the spectrum to prefetch for writing
    const int filters = std::min(kPanel, outputs_ - panel * kPanel);
    const ptrdiff_t filter = filter_floats(), pixel = ptrdiff_t{count} * kPanel;
    const auto from = pixels(kernel, int64_t{panel} * kPanel, channels.first + first);
    std::array<const float*, kKernelPixels> transposed{};
    for (size_t i = 0; i < transposed.size(); ++i) {
        float* const to = gathered + static_cast<ptrdiff_t>(i) * pixel;
        kernels_.transpose(from[i], filter, filters, count, to, kPanel);
        transposed[i] = to;
    }
    // After the last panel comes the first panel of the following channels.
    const bool last = panel + 1 == panels_of(outputs_);
    const ptrdiff_t ahead = last ? channels.count - panel * kPanel * filter : kPanel * filter;
    for (int c = 0; c < count; ++c) {
        for (const float* line : from)
            prefetch(line + ahead + c % kPanel * filter + c / kPanel * kPanel, kPanel);
        float* const row = spectrum.row(first + c) + panel * spectrum.strides.panel;
        for (int point = 0; point < kKernelPoints * kKernelPoints; ++point)
            prefetch(row + point * spectrum.strides.point + kRowsAhead * kPanel, kPanel);
        to_points_(transposed.data(), kPanel, row, spectrum.strides);
        for (const float*& at : transposed) at += kPanel;
    }
}

ParallelLoop FilterTransforms::by_inputs(const float* kernel, const ChannelRange& channels,
                                         const Spectrum& spectrum) const {
    return {outputs_, [=, this](int64_t begin, int64_t end) {
                for (int64_t filter = begin; filter < end; ++filter) {
                    const auto from = pixels(kernel, filter, channels.first);
                    prefetch_next(from, channels.count);
                    to_points_(from.data(), channels.count, spectrum.row(filter), spectrum.strides);
                }
            }};
}

ParallelLoop FilterTransforms::gradient(const Spectrum& spectrum, const ChannelRange& channels,
                                        float* gradient, bool add) const {
    return {outputs_, [=, this](int64_t begin, int64_t end) {
                for (int64_t filter = begin; filter < end; ++filter) {
                    const auto to = pixels(gradient, filter, channels.first);
                    prefetch_next(to, channels.count);
                    (add ? to_sum_ : to_gradient_)(spectrum.row(filter), spectrum.strides,
                                                   channels.count, nullptr, to.data());
                }
            }};
}

} // namespace dagan::model::winograd
