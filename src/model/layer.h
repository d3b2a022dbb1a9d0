// One row of a network's table as a module: [norm, ReLU], [resize], convolution or dense, [leaky ReLU, norm], [dropout], and so
// on, in the order the row says. A network is its layers in table order; a forward pass walks them.
#pragma once

#include "model/norm/batch_norm.h"
#include "model/norm/batch_renorm.h"
#include "model/norm/layer_norm.h"
#include "model/pass.h"
#include "spec/network.h"

#include <torch/torch.h>

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace dagan::model {

inline constexpr double kLeakySlope = 0.2;

// What the layers of one network share.
struct LayerOptions {
    enum class NormKind { renorm, layer, batch };
    NormKind norm = NormKind::layer;
    RenormClip clip; // for renorm
    double dropout = 0;
    Convolution convolution = Convolution::automatic;
};

class Layer : public torch::nn::Module {
  public:
    // `index` numbers the row in its table and keys its dropout masks. Weights are drawn from derive(stream, row.name).
    Layer(const LayerRow& row, uint32_t index, const LayerOptions& options, uint64_t stream);
    const LayerRow& row() const { return row_; }

    // x [B, in_channels, in_size, in_size] or [B, in_channels]: the maps' channels one after the other. `flag` [B, 1, 1, 1], if
    // given, becomes one more channel of the convolution's input; the row's in_channels counts it, x does not have it.
    torch::Tensor forward(std::vector<torch::Tensor> maps, const Pass& pass,
                          const torch::Tensor& flag = {});

  private:
    torch::Tensor normalise(const torch::Tensor& x, const Pass& pass,
                            double slope = 1); // of leaky_relu(x, slope)
    torch::Tensor convolve(std::vector<torch::Tensor> maps, const Pass& pass) const;
    torch::Tensor finish(const torch::Tensor& x, const Pass& pass);

    LayerRow row_;
    uint32_t index_;
    double dropout_;
    bool winograd_; // for floats on the CPU
    torch::Tensor weight, bias;
    std::variant<std::monostate, std::shared_ptr<BatchRenorm>, std::shared_ptr<LayerNorm>,
                 std::shared_ptr<BatchNorm>>
        norm_;
};

// Applies a network's layers one after the other, in table order.
class Walk {
  public:
    Walk(const std::vector<std::shared_ptr<Layer>>& layers, const Pass& pass)
        : layers_(layers), pass_(pass) {}
    torch::Tensor operator()(std::vector<torch::Tensor> maps, const torch::Tensor& flag = {});
    torch::Tensor operator()(const torch::Tensor& x) { return (*this)(std::vector{x}); }
    void require_end() const; // all layers were applied

  private:
    const std::vector<std::shared_ptr<Layer>>& layers_;
    const Pass& pass_;
    size_t next_ = 0;
};

} // namespace dagan::model
