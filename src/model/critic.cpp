#include "model/encoder.h"
#include "model/layer.h"
#include "model/networks.h"

namespace dagan::model {

Critic::Critic(const GanOptions& options, int channels, int size, uint64_t stream)
    : Network(critic_table(options, channels, size),
              {LayerOptions::NormKind::layer, {}, options.dropout, options.convolution}, stream),
      structure_(structure_of(options)) {}

torch::Tensor Critic::forward(const torch::Tensor& x, const torch::Tensor& y, const Pass& pass) {
    LayerCursor next(layers(), pass);
    const torch::Tensor h =
        encode(next, torch::cat({y, x}, 1), structure_.topology, structure_.critic_inner).back();
    const torch::Tensor v = next(h.mean({2, 3}));
    const torch::Tensor score = next(torch::cat({v, h.flatten(1)}, 1));
    next.require_end();
    return score.squeeze(1);
}

} // namespace dagan::model
