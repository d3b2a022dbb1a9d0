#include "model/tensor/same_conv.h"

#include "base/error.h"
#include "base/random.h"

#include <algorithm>
#include <cmath>

namespace dagan::model {

Padding same_padding(int64_t size, int64_t kernel, int64_t stride) {
    const int64_t output = (size + stride - 1) / stride;
    const int64_t total = std::max<int64_t>((output - 1) * stride + kernel - size, 0);
    return {total / 2, total - total / 2};
}

torch::Tensor same_conv(const torch::Tensor& x, const torch::Tensor& weight,
                        const torch::Tensor& bias, int64_t stride) {
    const int64_t kernel = weight.size(2);
    const Padding height = same_padding(x.size(2), kernel, stride),
                  width = same_padding(x.size(3), kernel, stride);
    const bool symmetric = height.before == height.after && width.before == width.after;
    if (symmetric)
        return at::conv2d(x, weight, bias, {stride, stride}, {height.before, width.before});
    const torch::Tensor padded =
        at::constant_pad_nd(x, {width.before, width.after, height.before, height.after});
    return at::conv2d(padded, weight, bias, {stride, stride});
}

torch::Tensor resize_nearest(const torch::Tensor& x, int64_t size) {
    if (x.size(2) == size && x.size(3) == size) return x;
    return at::upsample_nearest2d(x, {size, size});
}

void fill_glorot_uniform(torch::Tensor& weight, uint64_t stream) {
    require(weight.is_contiguous() && weight.scalar_type() == torch::kFloat,
            "initial weights are contiguous float32");
    const int64_t outputs = weight.size(0),
                  kernel_area = weight.numel() / (outputs * weight.size(1));
    const double bound =
        std::sqrt(6.0 / static_cast<double>(kernel_area * (weight.size(1) + outputs)));
    Random random(stream);
    float* values = weight.data_ptr<float>();
    for (int64_t i = 0; i < weight.numel(); ++i)
        values[i] = static_cast<float>(random.uniform(-bound, bound));
}

} // namespace dagan::model
