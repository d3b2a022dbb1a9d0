// The three networks of dagan.md (sections 3, 4, 7) as LibTorch modules, built row by row from the tables of spec/network.h.
// Images are float [B, C, H, W] in [-1, 1]. Weights are initialised (Glorot uniform, biases 0) from a stream, tensor by tensor,
// each from derive(stream, row name), so equal streams give equal networks whatever was made before. float32 by default;
// `to(torch::kDouble)` for checks. Parameters are named as the rows: "E1.conv3.weight", "E1.conv3.norm.weight".
#pragma once

#include "model/pass.h"
#include "spec/network.h"
#include "spec/sweep.h"

#include <torch/torch.h>

#include <memory>
#include <vector>

namespace dagan::model {

class Layer;
struct LayerOptions;

// A table and its layers, in the table's order.
class Network : public torch::nn::Module {
  public:
    const NetworkTable& table() const { return table_; }

  protected:
    Network(NetworkTable table, const LayerOptions& options, uint64_t stream);
    const std::vector<std::shared_ptr<Layer>>& layers() const { return layers_; }

  private:
    NetworkTable table_;
    std::vector<std::shared_ptr<Layer>> layers_;
};

// x~ = G(x, z): an image of x's class. z is [B, z_dim]. A training pass, with or without gradients, moves the state of the
// batch-renorm layers: the buffers a_mu, a_sg, w, M, V. `norm: batch` is renorm with r = 1, d = 0.
class Generator : public Network {
  public:
    Generator(const GanOptions& options, int channels, int size, uint64_t stream);
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& z, const Pass& pass);

  private:
    GanOptions structure_;
};

// D(x, y), a real number per sample [B]; no sigmoid. x conditions, y is the candidate.
class Critic : public Network {
  public:
    Critic(const GanOptions& options, int channels, int size, uint64_t stream);
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& y, const Pass& pass);

  private:
    GanOptions structure_;
};

// Logits [B, K]. `real` [B] holds 1 for real and 0 for generated images; it enters before every convolution.
class Classifier : public Network {
  public:
    Classifier(const ClassifierOptions& options, int channels, int size, int classes,
               uint64_t stream);
    torch::Tensor forward(const torch::Tensor& images, const torch::Tensor& real, const Pass& pass);
};

} // namespace dagan::model
