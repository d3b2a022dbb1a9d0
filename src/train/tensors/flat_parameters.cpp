#include "train/tensors/flat_parameters.h"

#include "base/error.h"
#include "train/tensors/tensors.h"

namespace dagan::train {

namespace {
constexpr int64_t kAlignedFloats = 16; // 64 bytes

int64_t aligned(int64_t count) {
    return (count + kAlignedFloats - 1) / kAlignedFloats * kAlignedFloats;
}

// Returns the part of `flat` from `offset` on as a view of the shape of `like`.
torch::Tensor view_as(const torch::Tensor& flat, int64_t offset, const torch::Tensor& like,
                      torch::MemoryFormat maps) {
    const torch::Tensor part = flat.narrow(0, offset, like.numel());
    if (like.dim() != 4 || maps != torch::MemoryFormat::ChannelsLast)
        return part.view(like.sizes());
    return part.view({like.size(0), like.size(2), like.size(3), like.size(1)})
        .permute({0, 3, 1, 2});
}
} // namespace

FlatParameters::FlatParameters(torch::nn::Module& module, gang::Group& group, int64_t extra,
                               torch::MemoryFormat maps) {
    const torch::NoGradGuard no_grad;
    const torch::Device device = device_of(module);
    int64_t total = 0;
    for (const torch::Tensor& parameter : module.parameters()) {
        require(parameter.scalar_type() == torch::kFloat && parameter.device() == device,
                "parameters are floats on one device");
        total += aligned(parameter.numel());
    }
    memory_ = group.allocate(static_cast<size_t>(total + extra));
    const torch::Tensor all = torch::from_blob(memory_.data(), {total + extra},
                                               torch::dtype(torch::kFloat).device(device));
    gradients_ = all.narrow(0, 0, total);
    extra_ = all.narrow(0, total, extra);
    values_ = torch::zeros({total}, all.options());
    int64_t offset = 0;
    for (torch::Tensor& parameter : module.parameters()) {
        const int64_t count = parameter.numel();
        const torch::Tensor view = view_as(values_, offset, parameter, maps);
        view.copy_(parameter);
        const torch::Tensor gradient = view_as(gradients_, offset, parameter, maps);
        parameter.set_data(view);
        parameter.mutable_grad() = gradient;
        offset += aligned(count);
    }
}

void FlatParameters::zero_gradients() { gradients_.zero_(); }

} // namespace dagan::train
