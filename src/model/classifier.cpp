#include "model/layer.h"
#include "model/networks.h"

namespace dagan::model {

Classifier::Classifier(const ClassifierOptions& options, int channels, int size, int classes,
                       uint64_t stream)
    : Network(classifier_table(options, channels, size, classes),
              {LayerOptions::NormKind::batch, {}, options.dropout, options.convolution}, stream) {}

torch::Tensor Classifier::forward(const torch::Tensor& images, const torch::Tensor& real,
                                  const Pass& pass) {
    LayerCursor next(layers(), pass);
    const torch::Tensor flag = real.to(images.options()).view({-1, 1, 1, 1});
    torch::Tensor h = images;
    for (int b = 0; b < kBlocks; ++b) {
        std::vector<torch::Tensor> maps{h};
        for (int j = 0; j < kClassifierInner; ++j) maps.push_back(next(maps, flag));
        h = next(maps, flag);
    }
    const torch::Tensor logits = next(h.mean({2, 3}));
    next.require_end();
    return logits;
}

} // namespace dagan::model
