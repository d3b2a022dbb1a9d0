#include "model/dropout.h"

#include "base/random.h"

#include <algorithm>
#include <span>

namespace dagan {

torch::Tensor dropout(const torch::Tensor& x, double probability, const Pass& pass, uint32_t layer) {
    if (!pass.training || probability == 0) return x;
    const torch::Tensor mask = torch::empty(x.sizes(), torch::kFloat);
    const auto sample = static_cast<size_t>(x.numel() / std::max<int64_t>(x.size(0), 1));
    float* values = mask.data_ptr<float>();
    for (uint32_t i = 0; i < x.size(0); ++i) {
        fill_dropout(std::span(values + i * sample, sample), probability, pass.key, pass.step, pass.first_index + i, layer);
    }
    return x * mask.to(x.options());
}

} // namespace dagan
