// The generator, critic and classifier as LibTorch modules: docs/reference/model.md, eqs. (20) to
// (23) and (32). They are built row by row from the tables of spec/network.h.
//
// Images are float [B, C, H, W] in [-1, 1], H = W. Parameters are named after the rows:
// "E1.conv3.weight", "E1.conv3.norm.weight". Each weight tensor is drawn from derive(stream, name
// of its row), eq. (8), so equal streams give equal networks, whatever else was built. Modules are
// float32; tests convert them with `to(torch::kDouble)`.
//
//     Generator generator(options, 1, 28, stream);               // 28 x 28 x 1
//     const auto z = torch::randn({32, options.z_dim});
//     const auto fake = generator.forward(x, z, Pass::inference()); // [32, 1, 28, 28]
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

// A table and its layers, in the order of the table.
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

// x~ = G(x, z), eq. (22): images x [B, C, H, W] and noise z [B, z_dim] to images of the same
// classes [B, C, H, W]. Every training pass, with or without gradients, updates the state of the
// batch renormalisation: the buffers a_mu, a_sg, w, M, V, eqs. (15) and (16).
class Generator : public Network {
  public:
    Generator(const GanOptions& options, int channels, int size, uint64_t stream);
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& z, const Pass& pass);

  private:
    GanOptions structure_;
};

// D(x, y), eq. (23): condition x and candidate y, both [B, C, H, W], to scores [B]. No sigmoid.
class Critic : public Network {
  public:
    Critic(const GanOptions& options, int channels, int size, uint64_t stream);
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& y, const Pass& pass);

  private:
    GanOptions structure_;
};

// Eq. (32): images [B, C, H, W] to logits [B, K]. `real` [B] is 1 for real and 0 for generated
// images; it enters before every convolution.
class Classifier : public Network {
  public:
    Classifier(const ClassifierOptions& options, int channels, int size, int classes,
               uint64_t stream);
    torch::Tensor forward(const torch::Tensor& images, const torch::Tensor& real, const Pass& pass);
};

} // namespace dagan::model
