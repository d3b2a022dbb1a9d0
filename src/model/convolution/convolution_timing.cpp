#include "model/convolution/convolution_timing.h"

#include "base/error.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace dagan::model {

namespace {

template <class Work> double seconds(const Work& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Tensors {
    torch::Tensor x, kernel, bias, gradient;

    Tensors(const ConvolutionShape& shape, int64_t batch)
        : x(map(batch, shape.in_channels, shape.size)),
          kernel(map(shape.out_channels, shape.in_channels, shape.kernel)),
          bias(torch::zeros({shape.out_channels})),
          gradient(map(batch, shape.out_channels, (shape.size + shape.stride - 1) / shape.stride)) {
        x.requires_grad_();
        kernel.requires_grad_();
    }
    static torch::Tensor map(int64_t images, int64_t channels, int64_t size) {
        return torch::rand({images, channels, size, size})
            .sub_(0.5)
            .contiguous(torch::MemoryFormat::ChannelsLast);
    }
};

void keep_shortest(OperationTimes& times, const Tensors& t, int64_t stride, bool winograd) {
    torch::Tensor y;
    times.output = std::min(times.output, seconds([&] {
                                y = convolution_3x3({t.x}, t.kernel, t.bias, {stride, winograd});
                            }));
    const auto gradient_by = [&](const torch::Tensor& argument) {
        return seconds(
            [&] { torch::autograd::grad({y}, {argument}, {t.gradient}, /*retain_graph=*/true); });
    };
    times.x_gradient = std::min(times.x_gradient, gradient_by(t.x));
    times.kernel_gradient = std::min(times.kernel_gradient, gradient_by(t.kernel));
}

} // namespace

ConvolutionTimes measure_convolution(const ConvolutionShape& shape, int64_t batch, int rounds) {
    require(winograd_supports(shape) && batch >= 1 && rounds >= 1,
            "a shape that both ways can do, measured at least once");
    constexpr double kNever = std::numeric_limits<double>::infinity();
    const Tensors tensors(shape, batch);
    ConvolutionTimes times{.direct = {kNever, kNever, kNever},
                           .winograd = {kNever, kNever, kNever}};
    times.multiply_adds = batch * shape.in_channels * shape.out_channels * shape.kernel *
                          shape.kernel * tensors.gradient.size(2) * tensors.gradient.size(3);
    for (int round = 0; round < rounds; ++round) {
        keep_shortest(times.direct, tensors, shape.stride, false);
        keep_shortest(times.winograd, tensors, shape.stride, true);
    }
    return times;
}

} // namespace dagan::model
