#include "model/encoder.h"
#include "model/layer.h"
#include "model/networks.h"
#include "model/tensor/join.h"

namespace dagan::model {

namespace {

LayerOptions layer_options(const GanOptions& options) {
    const RenormClip clip = options.norm == Norm::batch
                                ? RenormClip::batch_norm()
                                : RenormClip{0, options.r_max, options.d_max};
    return {LayerOptions::NormKind::renorm, clip, options.dropout, options.convolution};
}

} // namespace

Generator::Generator(const GanOptions& options, int channels, int size, uint64_t stream)
    : Network(generator_table(options, channels, size), layer_options(options), stream),
      structure_(structure_of(options)) {}

torch::Tensor Generator::forward(const torch::Tensor& x, const torch::Tensor& z, const Pass& pass) {
    LayerCursor next(layers(), pass);
    const std::vector<torch::Tensor> encoded =
        encode(next, x, structure_.topology, structure_.generator_inner);
    std::vector<torch::Tensor> noise;
    for (int l = 0; l < noise_levels(structure_.topology); ++l) {
        const int64_t size = encoded[static_cast<size_t>(kBlocks - 1 - l)].size(2);
        noise.push_back(next(z).view({z.size(0), -1, size, size}));
    }

    torch::Tensor h = encoded.back(), prev;
    for (int l = 0; l < decoder_levels(structure_.topology); ++l) {
        std::vector<torch::Tensor> maps{h};
        if (l < static_cast<int>(noise.size()))
            maps = {join_channels({noise[static_cast<size_t>(l)], h})};
        if (l == kBlocks) maps = {join_channels({h, x})};
        for (int j = 1; j <= structure_.generator_inner; ++j) {
            std::vector<torch::Tensor> in = maps;
            if (prev.defined()) in.push_back(next(prev)); // each j has its own projection
            maps.push_back(next(in));
        }
        h = prev = maps.back();
        if (l < kBlocks) {
            h = next(maps);
            if (l < kBlocks - 1)
                h = join_channels({h, encoded[static_cast<size_t>(kBlocks - 2 - l)]});
        }
    }
    const int tail = structure_.topology == Topology::code ? 3 : 1;
    for (int j = 0; j < tail; ++j) h = next(h);
    next.require_end();
    return h;
}

} // namespace dagan::model
