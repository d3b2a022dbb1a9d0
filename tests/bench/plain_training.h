// The training steps of a DAGAN and a classifier as a straightforward program writes them: the fake
// is not detached in the critic's step, which takes three passes of the critic (real, fake,
// penalty); the critic's weights get gradients in the generator's step too; torch::optim::Adam
// updates tensor by tensor. The caller provides the batches.
#pragma once

#include "bench/plain_networks.h"
#include "train/device/gan_batch.h"

#include <torch/torch.h>

#include <memory>

namespace dagan::bench::plain {

class Gan {
  public:
    Gan(const GanOptions& options, int channels, int size, const Dropout& of_generator,
        const Dropout& of_critic);

    Generator& generator() { return *generator_; }
    Critic& critic() { return *critic_; }

    struct CriticLosses {
        torch::Tensor loss, wasserstein, penalty;
    };
    // Computes the gradients of a step into the network's parameters and returns the losses. The
    // other network's gradients are added to those that it has.
    CriticLosses critic_gradient(const train::GanBatch& batch);
    torch::Tensor generator_gradient(const train::GanBatch& batch);

    // The gradient and the update by Adam.
    void critic_step(const train::GanBatch& batch);
    void generator_step(const train::GanBatch& batch);

  private:
    torch::Tensor penalty(const train::GanBatch& batch, const torch::Tensor& fakes);

    double penalty_weight_;
    std::shared_ptr<Generator> generator_;
    std::shared_ptr<Critic> critic_;
    torch::optim::Adam generator_adam_, critic_adam_;
};

class ClassifierTraining {
  public:
    ClassifierTraining(const ClassifierOptions& options, int channels, int classes,
                       const Dropout& dropout);

    Classifier& network() { return *network_; }
    // Computes the gradient and returns the loss. `real` and `labels` are [B].
    torch::Tensor gradient(const torch::Tensor& images, const torch::Tensor& real,
                           const torch::Tensor& labels);
    // The gradient and the update by Adam.
    void step(const torch::Tensor& images, const torch::Tensor& real, const torch::Tensor& labels);

  private:
    std::shared_ptr<Classifier> network_;
    torch::optim::Adam adam_;
};

} // namespace dagan::bench::plain
