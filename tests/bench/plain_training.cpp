#include "bench/plain_training.h"

#include "base/error.h"

#include <tuple>

namespace dagan::bench::plain {

namespace {
template <class Options> torch::optim::AdamOptions adam_options(const Options& options) {
    return torch::optim::AdamOptions(options.learning_rate)
        .betas(std::make_tuple(options.beta1, options.beta2))
        .eps(1e-8);
}
} // namespace

Gan::Gan(const GanOptions& options, int channels, int size, const Dropout& of_generator,
         const Dropout& of_critic)
    : penalty_weight_(options.penalty_weight),
      generator_(std::make_shared<Generator>(options, channels, size, of_generator)),
      critic_(std::make_shared<Critic>(options, channels, size, of_critic)),
      generator_adam_(generator_->parameters(), adam_options(options)),
      critic_adam_(critic_->parameters(), adam_options(options)) {
    require(options.penalty_norm == PenaltyNorm::image,
            "the plain penalty exists for penalty_norm image only");
}

Gan::CriticLosses Gan::critic_gradient(const train::GanBatch& batch) {
    const torch::Tensor fakes = generator_->forward(batch.x, batch.z);
    const torch::Tensor on_real = critic_->forward(batch.x, batch.real);
    const torch::Tensor on_fake = critic_->forward(batch.x, fakes);
    const torch::Tensor gp = penalty(batch, fakes);
    critic_adam_.zero_grad();
    const torch::Tensor loss = on_fake.mean() - on_real.mean() + penalty_weight_ * gp;
    loss.backward();
    return {loss.detach(), (on_real.mean() - on_fake.mean()).detach(), gp.detach()};
}

torch::Tensor Gan::penalty(const train::GanBatch& batch, const torch::Tensor& fakes) {
    const torch::Tensor epsilon = batch.epsilon.view({-1, 1, 1, 1});
    const torch::Tensor mixed =
        (epsilon * fakes.detach() + (1 - epsilon) * batch.real).requires_grad_();
    const torch::Tensor score = critic_->forward(batch.x, mixed);
    const torch::Tensor gradient =
        torch::autograd::grad({score}, {mixed}, {torch::ones_like(score)}, /*retain_graph=*/true,
                              /*create_graph=*/true)[0];
    const torch::Tensor norm = (gradient.flatten(1).square().sum(1) + 1e-12).sqrt();
    return (norm - 1).square().mean();
}

torch::Tensor Gan::generator_gradient(const train::GanBatch& batch) {
    const torch::Tensor loss =
        -critic_->forward(batch.x, generator_->forward(batch.x, batch.z)).mean();
    generator_adam_.zero_grad();
    loss.backward();
    return loss.detach();
}

void Gan::critic_step(const train::GanBatch& batch) {
    critic_gradient(batch);
    critic_adam_.step();
}

void Gan::generator_step(const train::GanBatch& batch) {
    generator_gradient(batch);
    generator_adam_.step();
}

ClassifierTraining::ClassifierTraining(const ClassifierOptions& options, int channels, int classes,
                                       const Dropout& dropout)
    : network_(std::make_shared<Classifier>(options, channels, classes, dropout)),
      adam_(network_->parameters(), adam_options(options)) {}

torch::Tensor ClassifierTraining::gradient(const torch::Tensor& images, const torch::Tensor& real,
                                           const torch::Tensor& labels) {
    adam_.zero_grad();
    const torch::Tensor loss =
        torch::nn::functional::cross_entropy(network_->forward(images, real), labels);
    loss.backward();
    return loss.detach();
}

void ClassifierTraining::step(const torch::Tensor& images, const torch::Tensor& real,
                              const torch::Tensor& labels) {
    gradient(images, real, labels);
    adam_.step();
}

} // namespace dagan::bench::plain
