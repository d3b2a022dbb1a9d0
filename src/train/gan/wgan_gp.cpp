#include "train/gan/wgan_gp.h"

#include "base/error.h"
#include "base/random.h"
#include "model/losses.h"

#include <cmath>
#include <string>

namespace dagan::train {

namespace {
// The floats that are reduced with the gradients: the losses of the step, then the votes.
constexpr int kLosses = 3;
constexpr int kStop = kLosses, kSave = kLosses + 1;
constexpr int kExtra = kLosses + 2;

// Sums kept between two calls of take_losses().
constexpr int kCriticSums = 0, kGeneratorSum = 3, kCriticCount = 4, kGeneratorCount = 5, kSums = 6;

// While alive, the parameters of `module` require no gradient.
class FrozenParameters {
  public:
    explicit FrozenParameters(const torch::nn::Module& module) : parameters_(module.parameters()) {
        set(false);
    }
    ~FrozenParameters() { set(true); }
    FrozenParameters(const FrozenParameters&) = delete;
    FrozenParameters& operator=(const FrozenParameters&) = delete;

  private:
    void set(bool enabled) {
        for (torch::Tensor& parameter : parameters_) parameter.set_requires_grad(enabled);
    }
    std::vector<torch::Tensor> parameters_;
};

uint32_t slice_of(int batch_size, const gang::Group& group) {
    if (batch_size % group.size() != 0) {
        throw input_error("gan.batch_size: " + std::to_string(batch_size) +
                          " pairs cannot be split evenly over " + std::to_string(group.size()) +
                          " ranks; change it or resources.gan_ranks");
    }
    return static_cast<uint32_t>(batch_size / group.size());
}

} // namespace

bool GanLosses::finite() const {
    return std::isfinite(critic_loss) && std::isfinite(wasserstein) && std::isfinite(penalty) &&
           std::isfinite(generator_loss);
}

WganGp::WganGp(const GanOptions& options, uint64_t stream, const data::Dataset& data,
               std::vector<int> classes, gang::Group& group, int norm_groups,
               const Compute& compute)
    : options_(options), compute_(compute), shape_(shape_of(data)), z_key_(derive(stream, "gan z")),
      epsilon_key_(derive(stream, "gan epsilon")),
      generator_key_(derive(stream, "dropout generator")),
      critic_key_(derive(stream, "dropout critic")),
      interpolate_key_(derive(stream, "dropout critic interpolates")),
      generator_step_key_(derive(stream, "dropout critic generator step")), group_(group),
      first_(slice_of(options.batch_size, group) * static_cast<uint32_t>(group.rank())),
      count_(slice_of(options.batch_size, group)), norm_groups_(norm_groups),
      pairs_(data, std::move(classes), options.pairs, options.rotate, derive(stream, "gan pairs")),
      generator_(move_to_device(
          std::make_unique<model::Generator>(options, shape_.channels, shape_.size,
                                             derive(stream, "gan generator weights")),
          compute)),
      critic_(move_to_device(std::make_unique<model::Critic>(options, shape_.channels, shape_.size,
                                                             derive(stream, "gan critic weights")),
                             compute)),
      generator_flat_(*generator_, group, kExtra, compute.maps),
      critic_flat_(*critic_, group, kExtra, compute.maps),
      generator_adam_(generator_flat_.values().numel(),
                      {options.learning_rate, options.beta1, options.beta2}, compute.device),
      critic_adam_(critic_flat_.values().numel(),
                   {options.learning_rate, options.beta1, options.beta2}, compute.device),
      loss_sums_(torch::zeros({kSums}, torch::dtype(torch::kDouble).device(compute.device))),
      critic_work_(compute), generator_work_(compute) {
    require(static_cast<int>(count_) % norm_groups == 0, "norm_groups divides the slice");
    if (compute.gpu == nullptr) return;
    set_precision(options.precision);
    batches_ = std::make_unique<DeviceBatches>(
        data, pairs_, shape_, DeviceBatches::Keys{z_key_, epsilon_key_}, options.z_dim, first_,
        count_, steps_per_iteration(), compute);
    vote_sums_ = torch::zeros({2}, torch::dtype(torch::kFloat).device(compute.device));
    votes_read_ =
        torch::zeros({2}, torch::dtype(torch::kFloat).pinned_memory(compute.device.is_cuda()));
}

// The penalty never uses bfloat16, because its gradient is differentiated again.
model::Pass WganGp::training_pass(uint64_t key, uint32_t s, uint32_t first, int norm_groups) const {
    model::Pass pass{
        .training = true, .key = key, .step = s, .first_index = first, .norm_groups = norm_groups};
    pass.adds_gradients = true;
    pass.bf16 = options_.precision == Precision::bf16 && key != interpolate_key_;
    if (batches_) pass.device_step = batches_->step();
    return pass;
}

Votes WganGp::step(uint32_t s, const Votes& mine) {
    if (batches_) return step_on_device(s, mine);
    const GanBatch batch = draw_batch(s);
    if (is_generator_step(s)) {
        accumulate_generator_gradient(batch, s);
        return agree_and_update(generator_flat_, generator_adam_, mine, kGeneratorSum, 1);
    }
    const torch::Tensor fakes = make_fakes(batch, s);
    accumulate_critic_gradient(batch, fakes, s);
    return agree_and_update(critic_flat_, critic_adam_, mine, kCriticSums, kLosses);
}

GanBatch WganGp::draw_batch(uint32_t s) const {
    const auto b = static_cast<int64_t>(count_);
    GanBatch batch;
    batch.x = torch::empty({b, shape_.channels, shape_.size, shape_.size}, torch::kFloat);
    batch.real = torch::empty_like(batch.x);
    pairs_.fill(s, first_, count_, floats_of(batch.x), floats_of(batch.real));
    batch.z = noise_tensor(z_key_, s, first_, b, options_.z_dim);
    batch.epsilon = torch::empty({b}, torch::kFloat);
    const std::span<float> epsilon = floats_of(batch.epsilon);
    for (uint32_t i = 0; i < count_; ++i)
        epsilon[i] = static_cast<float>(Random(epsilon_key_, s, first_ + i).uniform());
    return batch;
}

torch::Tensor WganGp::make_fakes(const GanBatch& batch, uint32_t s) {
    const torch::NoGradGuard no_grad;
    return generator_->forward(batch.x, batch.z,
                               training_pass(generator_key_, s, first_, norm_groups_));
}

// Eq. (1): L_D = mean D(x, fake) - mean D(x, real) + penalty_weight * penalty.
void WganGp::accumulate_critic_gradient(const GanBatch& batch, const torch::Tensor& fakes,
                                        uint32_t s) {
    critic_flat_.zero_gradients();
    // Fake and real alternate, so that sample i has the masks 2i and 2i + 1 in every division of
    // the batch.
    const torch::Tensor candidates = torch::stack({fakes, batch.real}, 1).flatten(0, 1);
    const torch::Tensor scores =
        critic_
            ->forward(torch::stack({batch.x, batch.x}, 1).flatten(0, 1), candidates,
                      training_pass(critic_key_, s, 2 * first_))
            .view({-1, 2})
            .mean(0);
    const torch::Tensor wasserstein = scores[1] - scores[0];
    // Both parts of the loss are differentiated separately, so that the first graph is freed before
    // the second is built.
    (-wasserstein).backward();

    const model::Pass pass = training_pass(interpolate_key_, s, first_);
    const auto critic = [&](const torch::Tensor& x, const torch::Tensor& y) {
        return critic_->forward(x, y, pass);
    };
    torch::Tensor penalty;
    {
        const ExactConvolutions exact(compute_.gpu != nullptr &&
                                      options_.precision == Precision::tf32);
        penalty = model::gradient_penalty(critic, batch.x, batch.real, fakes, batch.epsilon,
                                          options_.penalty_norm);
        (options_.penalty_weight * penalty).backward();
    }
    const torch::NoGradGuard no_grad;
    const torch::Tensor loss = options_.penalty_weight * penalty - wasserstein;
    critic_flat_.extra()
        .narrow(0, 0, kLosses)
        .copy_(torch::stack({loss, wasserstein.detach(), penalty.detach()}));
}

// Eq. (2): L_G = -mean D(x, G(x, z)).
void WganGp::accumulate_generator_gradient(const GanBatch& batch, uint32_t s) {
    generator_flat_.zero_gradients();
    const FrozenParameters frozen(*critic_);
    const torch::Tensor fakes = generator_->forward(
        batch.x, batch.z, training_pass(generator_key_, s, first_, norm_groups_));
    const torch::Tensor loss =
        -critic_->forward(batch.x, fakes, training_pass(generator_step_key_, s, first_)).mean();
    loss.backward();
    const torch::NoGradGuard no_grad;
    generator_flat_.extra()[0].copy_(loss.detach());
}

// Averages gradients, losses and votes over the gang, eq. (26); then every member takes the same
// Adam step, eq. (28).
Votes WganGp::agree_and_update(FlatParameters& flat, Adam& adam, const Votes& mine, int first_sum,
                               int losses) {
    const torch::NoGradGuard no_grad;
    const std::span<float> extra = floats_of(flat.extra());
    extra[kStop] = mine.stop ? 1.0F : 0.0F;
    extra[kSave] = mine.save ? 1.0F : 0.0F;
    group_.all_reduce_mean(flat.reduced());
    update(flat, adam, first_sum, losses);
    return {.stop = extra[kStop] > 0, .save = extra[kSave] > 0};
}

void WganGp::update(FlatParameters& flat, Adam& adam, int first_sum, int losses) {
    adam.step(flat.values(), flat.gradients());
    loss_sums_.narrow(0, first_sum, losses).add_(flat.extra().narrow(0, 0, losses));
    loss_sums_[first_sum == kCriticSums ? kCriticCount : kGeneratorCount].add_(1);
}

// The same step, queued. Everything that depends on s is in device memory, so the captured work is
// valid for all steps of its kind.
Votes WganGp::step_on_device(uint32_t s, const Votes& mine) {
    constexpr uint32_t kInDeviceMemory = 0;
    const bool generators = is_generator_step(s);
    batches_->stage(s, mine);
    if (generators) {
        generator_work_.run([this] {
            batches_->assemble();
            accumulate_generator_gradient(batches_->batch(), kInDeviceMemory);
        });
    } else {
        critic_work_.run([this] {
            batches_->assemble();
            accumulate_critic_gradient(
                batches_->batch(), make_fakes(batches_->batch(), kInDeviceMemory), kInDeviceMemory);
        });
    }
    const torch::NoGradGuard no_grad;
    FlatParameters& flat = generators ? generator_flat_ : critic_flat_;
    const torch::Tensor votes = flat.extra().narrow(0, kStop, 2);
    votes.copy_(batches_->votes());
    group_.all_reduce_mean(flat.reduced());
    vote_sums_.add_(votes);
    if (!generators) {
        update(flat, critic_adam_, kCriticSums, kLosses);
        return {};
    }
    update(flat, generator_adam_, kGeneratorSum, 1);
    return read_votes();
}

Votes WganGp::read_votes() {
    votes_read_.copy_(vote_sums_, /*non_blocking=*/true);
    vote_sums_.zero_();
    synchronize(compute_, group_);
    const std::span<const float> votes = floats_of(votes_read_);
    return {.stop = votes[0] > 0, .save = votes[1] > 0};
}

GanLosses WganGp::take_losses() {
    const torch::Tensor read = loss_sums_.cpu();
    const double* sums = read.data_ptr<double>();
    const double critic_steps = sums[kCriticCount], generator_steps = sums[kGeneratorCount];
    const GanLosses means{.critic_loss = sums[0] / critic_steps,
                          .wasserstein = sums[1] / critic_steps,
                          .penalty = sums[2] / critic_steps,
                          .generator_loss = sums[kGeneratorSum] / generator_steps};
    loss_sums_.zero_();
    return means;
}

void WganGp::restore_loss_sums(const torch::Tensor& sums) {
    const torch::NoGradGuard no_grad;
    loss_sums_.copy_(sums);
}

} // namespace dagan::train
