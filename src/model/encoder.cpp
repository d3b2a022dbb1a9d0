#include "model/encoder.h"

namespace dagan::model {

std::vector<torch::Tensor> encode(LayerCursor& next, const torch::Tensor& x, Topology topology,
                                  int inner) {
    std::vector<torch::Tensor> encoded;
    torch::Tensor h = x, prev = x;
    for (int b = 0; b < kBlocks; ++b) {
        if (b == 0 && topology == Topology::code) {
            h = next(x);
        } else {
            torch::Tensor projection; // input of the first inner convolution only
            if (b > 0) projection = next(prev);
            std::vector<torch::Tensor> maps{h};
            for (int j = 1; j <= inner; ++j) {
                std::vector<torch::Tensor> in = maps;
                if (j == 1 && projection.defined()) in.push_back(projection);
                maps.push_back(next(in));
            }
            prev = maps.back();
            h = next(maps);
        }
        encoded.push_back(h);
    }
    return encoded;
}

} // namespace dagan::model
