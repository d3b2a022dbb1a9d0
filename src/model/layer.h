// One row of a network's table (spec/network.h) as a module.
//
// A layer is, in this order and as far as its row says: [norm, ReLU], [resize], convolution or
// dense layer, [leaky ReLU, norm], [dropout], [tanh or pooling]. A unit is docs/reference/model.md,
// eq. (9). A network is its layers in the order of the table; a forward pass applies them with a
// LayerCursor.
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

// Options shared by all layers of a network.
struct LayerOptions {
    enum class NormKind { renorm, layer, batch };
    NormKind norm = NormKind::layer;
    RenormClip clip; // used by NormKind::renorm only
    double dropout = 0;
    Convolution convolution = Convolution::automatic;
};

class Layer : public torch::nn::Module {
  public:
    // `index` is the number of the row in its table and keys the dropout masks. Weights are drawn
    // from derive(stream, row.name), eq. (8).
    Layer(const LayerRow& row, uint32_t index, const LayerOptions& options, uint64_t stream);
    const LayerRow& row() const { return row_; }

    // Applies the layer to `maps`, concatenated over their channels: [B, C_i, in_size, in_size], or
    // [B, C_i] for a dense layer. `flag` [B, 1, 1, 1], if defined, is one more input channel of the
    // convolution; row().in_channels counts it. Returns [B, out_channels, out_size, out_size], or
    // [B, out_channels] for a dense layer. Throws Blame::bug if a map has another size.
    torch::Tensor forward(std::vector<torch::Tensor> maps, const Pass& pass,
                          const torch::Tensor& flag = {});

  private:
    // Normalises leaky_relu(x, slope).
    torch::Tensor normalise(const torch::Tensor& x, const Pass& pass, double slope = 1);
    torch::Tensor convolve(std::vector<torch::Tensor> maps, const Pass& pass) const;
    torch::Tensor apply_after(const torch::Tensor& x, const Pass& pass);

    LayerRow row_;
    uint32_t index_;
    double dropout_;
    bool winograd_; // for float32 on the CPU
    torch::Tensor weight, bias;
    std::variant<std::monostate, std::shared_ptr<BatchRenorm>, std::shared_ptr<LayerNorm>,
                 std::shared_ptr<BatchNorm>>
        norm_;
};

// Applies the layers of a network one after the other, in the order of its table:
//
//     LayerCursor next(layers(), pass);
//     torch::Tensor h = next(x);       // first row
//     h = next({h, skip});             // second row, on two maps
//     next.require_end();
//
// Throws Blame::bug if there is no layer left. `layers` and `pass` must outlive the cursor.
class LayerCursor {
  public:
    LayerCursor(const std::vector<std::shared_ptr<Layer>>& layers, const Pass& pass)
        : layers_(layers), pass_(pass) {}
    torch::Tensor operator()(std::vector<torch::Tensor> maps, const torch::Tensor& flag = {});
    torch::Tensor operator()(const torch::Tensor& x) { return (*this)(std::vector{x}); }
    // Throws Blame::bug unless every layer was applied.
    void require_end() const;

  private:
    const std::vector<std::shared_ptr<Layer>>& layers_;
    const Pass& pass_;
    size_t next_ = 0;
};

} // namespace dagan::model
