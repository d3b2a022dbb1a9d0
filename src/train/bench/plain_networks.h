// The networks of src/model as a straightforward program writes them: stock LibTorch modules and functions, contiguous maps,
// autograd's own derivatives. `dagan-train bench` measures the product against them; tests/train/plain_test.cpp proves that they
// are the same functions of the same weights. They know `topology: code` and `reading: lineage`, in float32, and nothing of the
// layers in src/model. Parameters and buffers have the names of the product's.
#pragma once

#include "spec/sweep.h"

#include <torch/torch.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dagan::train::plain {

// What drops values of the map that layer `name` ("E1.close") made, in training.
using Dropout = std::function<torch::Tensor(const torch::Tensor& map, const std::string& name)>;
Dropout stock_dropout(double probability);

// A convolution with TensorFlow's SAME padding.
class SameConv : public torch::nn::Conv2dImpl {
  public:
    SameConv(int in, int out, int kernel, int stride);
    torch::Tensor forward(const torch::Tensor& x);

  private:
    int64_t kernel_, stride_;
};

enum class NormKind { layer, renorm, batch };

// Convolution, leaky ReLU, norm.
class Unit : public SameConv {
  public:
    Unit(int in, int out, int stride, NormKind norm, const GanOptions* clips);
    torch::Tensor forward(const torch::Tensor& x);

  private:
    torch::nn::AnyModule norm_;
};

using Units = std::vector<std::shared_ptr<Unit>>;

// An encoder block after the first: projection, inner units, closing unit.
class EncoderBlock : public torch::nn::Module {
  public:
    EncoderBlock(int previous, int in, int width, int inner, NormKind norm,
                 const GanOptions& options);
    // Takes h and what the block before made last; leaves there what this one did.
    torch::Tensor forward(const torch::Tensor& h, torch::Tensor& previous);

  private:
    std::shared_ptr<SameConv> project_;
    Units inner_;
    std::shared_ptr<Unit> close_;
};

class Encoder {
  public:
    // Registers its blocks in `network` as E0 .. E3.
    Encoder(torch::nn::Module& network, int channels, const std::array<int, 4>& widths, int inner,
            NormKind norm, const GanOptions& options, const Dropout& dropout);
    std::vector<torch::Tensor> operator()(const torch::Tensor& x) const; // E[0..3]

  private:
    std::shared_ptr<Unit> first_;
    std::vector<std::shared_ptr<EncoderBlock>> blocks_;
    Dropout dropout_;
    bool training() const { return first_->is_training(); }
};

// A level of the decoder; the closing unit, when it has one, resizes its input first.
class DecoderLevel : public torch::nn::Module {
  public:
    DecoderLevel(int previous, int in, int width, bool closes, const GanOptions& options);
    torch::Tensor inner(const torch::Tensor& h, torch::Tensor& previous); // all maps, joined
    torch::Tensor close(const torch::Tensor& joined, int64_t size);

  private:
    std::vector<std::shared_ptr<SameConv>> projects_;
    Units inner_;
    std::shared_ptr<Unit> close_;
};

class Generator : public torch::nn::Module {
  public:
    Generator(const GanOptions& options, int channels, int size, Dropout dropout);
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& z);

  private:
    Dropout dropout_;
    std::unique_ptr<Encoder> encoder_;
    std::vector<torch::nn::Linear> noise_;
    std::vector<std::shared_ptr<DecoderLevel>> levels_;
    Units tail_;
    std::shared_ptr<SameConv> last_;
    int64_t size_;
};

class Critic : public torch::nn::Module {
  public:
    Critic(const GanOptions& options, int channels, int size, Dropout dropout);
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& y); // [B]

  private:
    std::unique_ptr<Encoder> encoder_;
    torch::nn::Linear dense1_ = nullptr, dense2_ = nullptr;
};

class Classifier : public torch::nn::Module {
  public:
    Classifier(const ClassifierOptions& options, int channels, int classes, Dropout dropout);
    torch::Tensor forward(const torch::Tensor& images, const torch::Tensor& real); // logits [B, K]

  private:
    struct Block {
        std::string name;
        Units inner;
        std::shared_ptr<Unit> transition;
    };
    Dropout dropout_;
    std::vector<Block> blocks_;
    torch::nn::Linear dense_ = nullptr;
};

// Gives `to` the values of the parameters and buffers of the same names in `from`; each parameter of either must be in the other.
void copy_weights(const torch::nn::Module& from, torch::nn::Module& to);

} // namespace dagan::train::plain
