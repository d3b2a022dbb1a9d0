#include "train/flat_parameters.h"

#include "base/error.h"

namespace dagan {

namespace {
constexpr int64_t kAlignedFloats = 16; // 64 bytes

int64_t aligned(int64_t count) { return (count + kAlignedFloats - 1) / kAlignedFloats * kAlignedFloats; }
} // namespace

FlatParameters::FlatParameters(torch::nn::Module& module, Group& group, int64_t extra) {
    const torch::NoGradGuard no_grad;
    int64_t total = 0;
    for (const torch::Tensor& parameter : module.parameters()) {
        require(parameter.scalar_type() == torch::kFloat && parameter.device().is_cpu(), "parameters are floats on the CPU");
        total += aligned(parameter.numel());
    }
    memory_ = group.allocate(static_cast<size_t>(total + extra));
    const torch::Tensor all = torch::from_blob(memory_.data(), {total + extra}, torch::kFloat);
    gradients_ = all.narrow(0, 0, total);
    extra_ = all.narrow(0, total, extra);
    values_ = torch::zeros({total}, torch::kFloat);
    int64_t offset = 0;
    for (torch::Tensor& parameter : module.parameters()) {
        const int64_t count = parameter.numel();
        const torch::Tensor view = values_.narrow(0, offset, count).view(parameter.sizes());
        view.copy_(parameter);
        parameter.set_data(view);
        parameter.mutable_grad() = gradients_.narrow(0, offset, count).view(parameter.sizes());
        offset += aligned(count);
    }
}

void FlatParameters::zero_gradients() { gradients_.zero_(); }

} // namespace dagan
