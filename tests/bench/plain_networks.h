// The networks of src/model as a straightforward program writes them: stock LibTorch modules and
// functions, contiguous maps, autograd's own derivatives. `dagan-bench` measures the product
// against them; tests/bench/plain_test.cpp proves that both compute the same functions of the same
// weights.
//
// Implemented for `topology: code`, `norm: renorm` and `reading: lineage` in float32, without the
// layers of src/model. Parameters and buffers have the same names as the product's. Maps are [B, C,
// H, W].
#pragma once

#include "spec/sweep.h"

#include <torch/torch.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dagan::bench::plain {

// Returns `map`, the output of layer `name` ("E1.close"), with some values dropped. Called in
// training only.
using Dropout = std::function<torch::Tensor(const torch::Tensor& map, const std::string& name)>;
// Drops by torch::dropout.
Dropout stock_dropout(double probability);

// A convolution with TensorFlow's SAME padding: the output is ceil(input / stride) pixels wide.
class SameConv : public torch::nn::Conv2dImpl {
  public:
    SameConv(int in, int out, int kernel, int stride);
    torch::Tensor forward(const torch::Tensor& x);

  private:
    int64_t kernel_, stride_;
};

enum class NormKind { layer, renorm, batch };

// A 3x3 convolution, leaky ReLU and a norm, in this order.
class Unit : public SameConv {
  public:
    // `clips` holds r_max and d_max of the renorm; null for other norms.
    Unit(int in, int out, int stride, NormKind norm, const GanOptions* clips);
    torch::Tensor forward(const torch::Tensor& x);

  private:
    torch::nn::AnyModule norm_;
};

using Units = std::vector<std::shared_ptr<Unit>>;

// An encoder block E1 to E3: projection, `inner` inner units, closing unit with stride 2.
class EncoderBlock : public torch::nn::Module {
  public:
    EncoderBlock(int previous, int in, int width, int inner, NormKind norm,
                 const GanOptions& options);
    // Returns the closing unit's output. `previous` is the last inner map of the block before, and
    // on return that of this block.
    torch::Tensor forward(const torch::Tensor& h, torch::Tensor& previous);

  private:
    std::shared_ptr<SameConv> project_;
    Units inner_;
    std::shared_ptr<Unit> close_;
};

class Encoder {
  public:
    // Registers its blocks in `network` as E0 to E3.
    Encoder(torch::nn::Module& network, int channels, const std::array<int, 4>& widths, int inner,
            NormKind norm, const GanOptions& options, const Dropout& dropout);
    // Returns the outputs of E0 to E3.
    std::vector<torch::Tensor> operator()(const torch::Tensor& x) const;

  private:
    std::shared_ptr<Unit> first_;
    std::vector<std::shared_ptr<EncoderBlock>> blocks_;
    Dropout dropout_;
    bool training() const { return first_->is_training(); }
};

// A level of the decoder: inner units and, in all levels but the last, a closing unit.
class DecoderLevel : public torch::nn::Module {
  public:
    DecoderLevel(int previous, int in, int width, bool closes, const GanOptions& options);
    // Returns the input and all inner maps, concatenated. `previous` as in EncoderBlock.
    torch::Tensor inner(const torch::Tensor& h, torch::Tensor& previous);
    // Resizes `all`, the result of inner(), to `size` and applies the closing unit.
    torch::Tensor close(const torch::Tensor& all, int64_t size);

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
    // Returns the scores [B] of the pairs (x, y).
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& y);

  private:
    std::unique_ptr<Encoder> encoder_;
    torch::nn::Linear dense1_ = nullptr, dense2_ = nullptr;
};

class Classifier : public torch::nn::Module {
  public:
    Classifier(const ClassifierOptions& options, int channels, int classes, Dropout dropout);
    // Returns logits [B, classes]. `real` [B] is 1 for real images, 0 for generated ones.
    torch::Tensor forward(const torch::Tensor& images, const torch::Tensor& real);

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

// Copies parameters and buffers from `from` to `to` by name. Throws Blame::bug unless both have the
// same parameters.
void copy_weights(const torch::nn::Module& from, torch::nn::Module& to);

} // namespace dagan::bench::plain
