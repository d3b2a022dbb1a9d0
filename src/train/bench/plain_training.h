// The steps of a DAGAN's and a classifier's training as a straightforward program takes them: the fake is not detached in the
// critic's step, its two passes and the penalty are three, the judge's weights get gradients in the generator's step, and
// torch::optim::Adam goes tensor by tensor. Batches are given.
#pragma once

#include "train/bench/plain_networks.h"
#include "train/device/gan_batch.h"

#include <torch/torch.h>

#include <memory>

namespace dagan::train::plain {

class Gan {
  public:
    Gan(const GanOptions& options, int channels, int size, const Dropout& of_generator,
        const Dropout& of_critic);

    Generator& generator() { return *generator_; }
    Critic& critic() { return *critic_; }

    struct CriticLosses {
        torch::Tensor loss, wasserstein, penalty;
    };
    // Leave gradients in the parameters, beside what was there in those of the other network.
    CriticLosses critic_gradient(const GanBatch& batch);
    torch::Tensor generator_gradient(const GanBatch& batch); // returns L_G

    void critic_step(const GanBatch& batch);
    void generator_step(const GanBatch& batch);

  private:
    torch::Tensor penalty(const GanBatch& batch, const torch::Tensor& fakes);

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
    torch::Tensor gradient(const torch::Tensor& images, const torch::Tensor& real,
                           const torch::Tensor& labels); // returns the loss
    void step(const torch::Tensor& images, const torch::Tensor& real, const torch::Tensor& labels);

  private:
    std::shared_ptr<Classifier> network_;
    torch::optim::Adam adam_;
};

} // namespace dagan::train::plain
