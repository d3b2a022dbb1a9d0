// The GPU implementations of this program's LibTorch operators. Their schemas and CPU
// implementations are in model/dropout.cpp and train/device/device_epochs.cpp.
#include "base/error.h"
#include "cuda/kernels.h"

#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAException.h>
#include <torch/library.h>

#include <cmath>

namespace dagan::cuda {

namespace {
void require_scalar_on_gpu(const at::Tensor& value) {
    require(value.is_cuda() && value.scalar_type() == at::kLong && value.numel() == 1,
            "a step or epoch is one int64 on the GPU");
}

at::Tensor dropout_mask(const at::Tensor& x, double probability, int64_t key,
                        const at::Tensor& step, int64_t first_index, int64_t layer) {
    require(x.dim() == 4 && x.scalar_type() == at::kFloat,
            "dropout works on float maps [B, C, H, W]");
    require_scalar_on_gpu(step);
    // As in base/random.cpp.
    const auto threshold = static_cast<uint32_t>(std::lround(probability * 65536));
    require(threshold < 65536, "dropout probability below 1");
    const bool channels_last =
        !x.is_contiguous() && x.is_contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor mask = at::empty(
        x.sizes(), x.options().memory_format(channels_last ? at::MemoryFormat::ChannelsLast
                                                           : at::MemoryFormat::Contiguous));
    const MaskDraw draw{threshold, static_cast<float>(65536.0 / (65536.0 - threshold)),
                        static_cast<uint64_t>(key), static_cast<uint32_t>(first_index),
                        static_cast<uint32_t>(layer)};
    launch_dropout_mask(mask.data_ptr<float>(),
                        {x.size(0), x.size(1), x.size(2) * x.size(3), channels_last}, draw,
                        step.data_ptr<int64_t>(), at::cuda::getCurrentCUDAStream());
    C10_CUDA_KERNEL_LAUNCH_CHECK();
    return mask;
}

at::Tensor normal_rows(const at::Tensor& items, int64_t count, int64_t key, const at::Tensor& epoch,
                       int64_t layer) {
    require(items.dim() == 1 && items.is_contiguous() && items.scalar_type() == at::kLong,
            "items are contiguous int64 [N]");
    require_scalar_on_gpu(epoch);
    at::Tensor out = at::empty({items.size(0), count}, items.options().dtype(at::kFloat));
    launch_normal(out.data_ptr<float>(), items.size(0), count, static_cast<uint64_t>(key),
                  epoch.data_ptr<int64_t>(), items.data_ptr<int64_t>(),
                  static_cast<uint32_t>(layer), at::cuda::getCurrentCUDAStream());
    C10_CUDA_KERNEL_LAUNCH_CHECK();
    return out;
}
} // namespace

TORCH_LIBRARY_IMPL(dagan, CUDA, library) {
    library.impl("dropout_mask", dropout_mask);
    library.impl("normal_rows", normal_rows);
}

} // namespace dagan::cuda
