#include "model/dropout.h"

#include "base/random.h"
#include "model/norm/fused_norm.h"
#include "model/tensor/parallel.h"

#include <torch/library.h>

#include <algorithm>
#include <span>
#include <vector>

namespace dagan::model {

namespace {
// Masks are a LibTorch operator, so that libdagan_cuda.so can register the version for GPUs
// (src/cuda/operators.cpp). The result is float with the shape and layout of x. `key` has the bits
// of a uint64_t.
constexpr const char* kMaskSchema = "dropout_mask(Tensor x, float probability, int key, Tensor "
                                    "step, int first_index, int layer) -> Tensor";

torch::Tensor host_mask(torch::IntArrayRef sizes, double probability, const Pass& pass,
                        uint32_t layer) {
    torch::Tensor mask = torch::empty(sizes, torch::kFloat);
    const auto sample = static_cast<size_t>(mask.numel() / std::max<int64_t>(mask.size(0), 1));
    float* values = mask.data_ptr<float>();
    for (uint32_t i = 0; i < mask.size(0); ++i) {
        fill_dropout(std::span(values + i * sample, sample), probability, pass.key, pass.step,
                     pass.first_index + i, layer);
    }
    return mask;
}

torch::Tensor mask_on_cpu(const torch::Tensor& x, double probability, int64_t key,
                          const torch::Tensor& step, int64_t first_index, int64_t layer) {
    const Pass pass{.key = static_cast<uint64_t>(key),
                    .step = static_cast<uint32_t>(step.item<int64_t>()),
                    .first_index = static_cast<uint32_t>(first_index)};
    return host_mask(x.sizes(), probability, pass, static_cast<uint32_t>(layer));
}

torch::Tensor device_mask(const torch::Tensor& x, double probability, const Pass& pass,
                          uint32_t layer) {
    static const auto mask = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("dagan::dropout_mask", "")
                                 .typed<torch::Tensor(const torch::Tensor&, double, int64_t,
                                                      const torch::Tensor&, int64_t, int64_t)>();
    return mask.call(x, probability, static_cast<int64_t>(pass.key), pass.device_step,
                     pass.first_index, layer);
}

// The parameters of a mask.
struct Mask {
    double probability;
    Pass pass;
    uint32_t layer;
};

// y = x * mask of one sample, channels last. Masks are drawn channels first, so `drawn` is
// permuted.
void drop_in_sample(const float* x, int64_t area, int64_t channels, std::span<float> drawn,
                    const Mask& mask, uint32_t index, float* y) {
    fill_dropout(drawn, mask.probability, mask.pass.key, mask.pass.step, index, mask.layer);
    const float* values = drawn.data();
    for (int64_t p = 0; p < area; ++p) {
        for (int64_t c = 0; c < channels; ++c)
            y[p * channels + c] = x[p * channels + c] * values[c * area + p];
    }
}

// Dropout of float maps that are channels last. The backward pass draws the mask again, which is
// faster than keeping it and needs no memory between the passes. Dropout is linear in x, so it is
// its own derivative.
class DropoutFunction : public torch::autograd::Function<DropoutFunction> {
  public:
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                                 const Mask& mask) {
        context->saved_data["probability"] = mask.probability;
        context->saved_data["key"] = static_cast<int64_t>(mask.pass.key);
        context->saved_data["step"] = int64_t{mask.pass.step};
        context->saved_data["first_index"] = int64_t{mask.pass.first_index};
        context->saved_data["layer"] = int64_t{mask.layer};
        torch::Tensor y = torch::empty_like(x, {}, torch::MemoryFormat::ChannelsLast);
        const int64_t channels = x.size(1), area = x.size(2) * x.size(3), sample = channels * area;
        const float* from = x.const_data_ptr<float>();
        auto* to = y.mutable_data_ptr<float>();
        parallel_for(x.size(0), 1, [&](int64_t begin, int64_t end) {
            std::vector<float> drawn(static_cast<size_t>(sample));
            for (int64_t b = begin; b < end; ++b) {
                const uint32_t index = mask.pass.first_index + static_cast<uint32_t>(b);
                drop_in_sample(from + b * sample, area, channels, drawn, mask, index,
                               to + b * sample);
            }
        });
        return y;
    }
    static torch::autograd::variable_list
    backward(torch::autograd::AutogradContext* context,
             const torch::autograd::variable_list& gradients) {
        auto& saved = context->saved_data;
        const Pass pass{.training = true,
                        .key = static_cast<uint64_t>(saved["key"].toInt()),
                        .step = static_cast<uint32_t>(saved["step"].toInt()),
                        .first_index = static_cast<uint32_t>(saved["first_index"].toInt())};
        const torch::Tensor g = gradients[0].contiguous(torch::MemoryFormat::ChannelsLast);
        return {apply(g, Mask{saved["probability"].toDouble(), pass,
                              static_cast<uint32_t>(saved["layer"].toInt())}),
                {}};
    }
};
} // namespace

TORCH_LIBRARY_FRAGMENT(dagan, library) { library.def(kMaskSchema); }
TORCH_LIBRARY_IMPL(dagan, CPU, library) { library.impl("dropout_mask", mask_on_cpu); }

torch::Tensor dropout(const torch::Tensor& x, double probability, const Pass& pass,
                      uint32_t layer) {
    if (!pass.training || probability == 0) return x;
    if (!pass.device_step.defined() && fusable(x))
        return DropoutFunction::apply(x, Mask{probability, pass, layer});
    if (!pass.device_step.defined())
        return x * host_mask(x.sizes(), probability, pass, layer).to(x.options());
    torch::Tensor mask;
    {
        const torch::NoGradGuard no_grad;
        mask = device_mask(x.detach(), probability, pass, layer);
    }
    return x * mask;
}

} // namespace dagan::model
