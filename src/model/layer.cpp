#include "model/layer.h"

#include "base/error.h"
#include "base/random.h"
#include "model/convolution/convolution.h"
#include "model/dropout.h"
#include "model/tensor/join.h"
#include "model/tensor/same_conv.h"

namespace dagan::model {

namespace {

ConvolutionShape shape_of(const LayerRow& row) {
    const int size = row.resize == Resize::up ? row.out_size : row.in_size;
    return {row.in_channels, row.out_channels, size, row.kernel, row.stride};
}

bool has_norm(const LayerRow& row) { return row.norm_parameters > 0; }

} // namespace

Layer::Layer(const LayerRow& row, uint32_t index, const LayerOptions& options, uint64_t stream)
    : row_(row), index_(index), dropout_(options.dropout),
      winograd_(row.op == LayerOp::conv && winograd_selected(options.convolution, shape_of(row))) {
    std::vector<int64_t> shape{row.out_channels, row.in_channels};
    if (row.op == LayerOp::conv) shape.insert(shape.end(), {row.kernel, row.kernel});
    weight = torch::empty(shape);
    fill_glorot_uniform(weight, derive(stream, row.name));
    weight = register_parameter("weight", weight);
    bias = register_parameter("bias", torch::zeros({row.out_channels}));
    if (!has_norm(row)) return;
    const int64_t channels = row.norm_parameters / 2;
    switch (options.norm) {
    case LayerOptions::NormKind::renorm:
        norm_ = register_module("norm", std::make_shared<BatchRenorm>(channels, options.clip));
        break;
    case LayerOptions::NormKind::layer:
        norm_ = register_module("norm", std::make_shared<LayerNorm>(channels));
        break;
    case LayerOptions::NormKind::batch:
        norm_ = register_module("norm", std::make_shared<BatchNorm>(channels));
        break;
    }
}

torch::Tensor Layer::forward(std::vector<torch::Tensor> maps, const Pass& pass,
                             const torch::Tensor& flag) {
    if (row_.op == LayerOp::dense)
        return apply_after(at::linear(join_channels(std::move(maps)), weight, bias), pass);
    for (const torch::Tensor& map : maps) {
        require(map.dim() == 4 && map.size(2) == row_.in_size && map.size(3) == row_.in_size,
                row_.name + ": the input has the size in the table");
    }
    if (row_.before == Before::norm_relu)
        maps = {torch::relu(normalise(join_channels(std::move(maps)), pass))};
    if (flag.defined()) maps.push_back(flag);
    return apply_after(convolve(std::move(maps), pass), pass);
}

torch::Tensor Layer::normalise(const torch::Tensor& x, const Pass& pass, double slope) {
    if (const auto* renorm = std::get_if<std::shared_ptr<BatchRenorm>>(&norm_)) {
        return (*renorm)->forward(x, pass.training, pass.norm_groups, slope);
    }
    if (const auto* layer = std::get_if<std::shared_ptr<LayerNorm>>(&norm_))
        return (*layer)->forward(x, slope);
    return std::get<std::shared_ptr<BatchNorm>>(norm_)->forward(x, pass.training, slope);
}

torch::Tensor Layer::convolve(std::vector<torch::Tensor> maps, const Pass& pass) const {
    const bool up = row_.resize == Resize::up;
    const torch::Tensor& first = maps.front();
    if (row_.kernel == 3 && !pass.bf16 && first.scalar_type() == torch::kFloat &&
        first.device().is_cpu()) {
        const auto size = up ? std::optional<int64_t>(row_.out_size) : std::nullopt;
        const torch::Tensor sum = pass.adds_gradients ? weight.grad() : torch::Tensor();
        return convolution_3x3(std::move(maps), weight, bias, {row_.stride, winograd_, size, sum});
    }
    torch::Tensor x = join_channels(expand_maps(std::move(maps)));
    if (up) x = resize_nearest(x, row_.out_size);
    if (!pass.bf16) return same_conv(x, weight, bias, row_.stride);
    const auto half = [](const torch::Tensor& value) { return value.to(torch::kBFloat16); };
    return same_conv(half(x), half(weight), half(bias), row_.stride).to(x.scalar_type());
}

torch::Tensor Layer::apply_after(const torch::Tensor& x, const Pass& pass) {
    switch (row_.after) {
    case After::unit: return normalise(x, pass, kLeakySlope);
    case After::unit_dropout:
        return dropout(normalise(x, pass, kLeakySlope), dropout_, pass, index_);
    case After::linear: return x;
    case After::tanh: return at::tanh(x);
    case After::lrelu: return at::leaky_relu(x, kLeakySlope);
    case After::dropout: return dropout(x, dropout_, pass, index_);
    case After::pool: return at::avg_pool2d(x, {2, 2}, {2, 2});
    }
    require(false, "a row has a known last operation");
    return x;
}

torch::Tensor LayerCursor::operator()(std::vector<torch::Tensor> maps, const torch::Tensor& flag) {
    require(next_ < layers_.size(),
            "a forward pass applies no more layers than its table has rows");
    return layers_[next_++]->forward(std::move(maps), pass_, flag);
}

void LayerCursor::require_end() const {
    require(next_ == layers_.size(), "a forward pass applies every row of its table");
}

} // namespace dagan::model
