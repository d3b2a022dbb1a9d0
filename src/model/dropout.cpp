#include "model/dropout.h"

#include "base/random.h"

#include <torch/library.h>

#include <algorithm>
#include <span>

namespace dagan {

namespace {
// Masks are an operator of LibTorch, so that libdagan_cuda.so can bring the one for GPUs (src/cuda/operators.cpp). `key` has the
// bits of a uint64_t. Of the shape and layout of x; float.
constexpr const char* kMaskSchema =
    "dropout_mask(Tensor x, float probability, int key, Tensor step, int first_index, int layer) -> Tensor";

torch::Tensor host_mask(torch::IntArrayRef sizes, double probability, const Pass& pass, uint32_t layer) {
    torch::Tensor mask = torch::empty(sizes, torch::kFloat);
    const auto sample = static_cast<size_t>(mask.numel() / std::max<int64_t>(mask.size(0), 1));
    float* values = mask.data_ptr<float>();
    for (uint32_t i = 0; i < mask.size(0); ++i) {
        fill_dropout(std::span(values + i * sample, sample), probability, pass.key, pass.step, pass.first_index + i, layer);
    }
    return mask;
}

torch::Tensor mask_on_cpu(const torch::Tensor& x, double probability, int64_t key, const torch::Tensor& step, int64_t first_index,
                          int64_t layer) {
    const Pass pass{.key = static_cast<uint64_t>(key),
                    .step = static_cast<uint32_t>(step.item<int64_t>()),
                    .first_index = static_cast<uint32_t>(first_index)};
    return host_mask(x.sizes(), probability, pass, static_cast<uint32_t>(layer));
}

torch::Tensor device_mask(const torch::Tensor& x, double probability, const Pass& pass, uint32_t layer) {
    static const auto mask =
        c10::Dispatcher::singleton()
            .findSchemaOrThrow("dagan::dropout_mask", "")
            .typed<torch::Tensor(const torch::Tensor&, double, int64_t, const torch::Tensor&, int64_t, int64_t)>();
    return mask.call(x, probability, static_cast<int64_t>(pass.key), pass.device_step, pass.first_index, layer);
}
} // namespace

TORCH_LIBRARY_FRAGMENT(dagan, library) { library.def(kMaskSchema); }
TORCH_LIBRARY_IMPL(dagan, CPU, library) { library.impl("dropout_mask", mask_on_cpu); }

torch::Tensor dropout(const torch::Tensor& x, double probability, const Pass& pass, uint32_t layer) {
    if (!pass.training || probability == 0) return x;
    if (!pass.device_step.defined()) return x * host_mask(x.sizes(), probability, pass, layer).to(x.options());
    torch::Tensor mask;
    {
        const torch::NoGradGuard no_grad;
        mask = device_mask(x.detach(), probability, pass, layer);
    }
    return x * mask;
}

} // namespace dagan
