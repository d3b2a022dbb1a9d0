// The WGAN-GP training of a DAGAN, step by step: docs/reference/model.md, eqs. (1) to (5) and (25)
// to (28). The members of a group each take their slice of every batch.
//
// Steps are numbered from 0 over the whole run. Step s belongs to iteration s / (critic_steps + 1);
// the last step of an iteration is the generator's. Everything random (pairs, z, epsilon, dropout
// masks) is a function of (stream, s, index in the whole batch). The state is therefore parameters,
// Adam moments, renormalisation state and loss sums, and a resumed run may start at any step.
//
//     WganGp gan(options, stream, data, classes, group);
//     for (uint32_t s = 0; s < iterations * gan.steps_per_iteration(); ++s) gan.step(s, {});
//     const GanLosses means = gan.take_losses();
#pragma once

#include "data/pairs.h"
#include "gang/group.h"
#include "model/networks.h"
#include "spec/sweep.h"
#include "train/device/compute.h"
#include "train/device/device_batches.h"
#include "train/device/gan_batch.h"
#include "train/tensors/adam.h"
#include "train/tensors/flat_parameters.h"
#include "train/tensors/tensors.h"

#include <memory>
#include <vector>

namespace dagan::train {

// Mean losses over a number of steps. wasserstein is mean D(x, real) - mean D(x, fake).
struct GanLosses {
    double critic_loss = 0, wasserstein = 0, penalty = 0;
    double generator_loss = 0;
    bool finite() const;
};

class WganGp {
  public:
    // `norm_groups` divides the slice into equal groups with batch statistics of their own; with R
    // groups one member computes what R members would, eq. (27). With a GPU in `compute`, `group`
    // must reduce memory of that GPU; all work except the drawing of random numbers is queued
    // there. `data` and `group` must outlive this. Throws Blame::input if the batch cannot be
    // divided over the group.
    WganGp(const GanOptions& options, uint64_t stream, const data::Dataset& data,
           std::vector<int> classes, gang::Group& group, int norm_groups = 1,
           const Compute& compute = {});

    model::Generator& generator() { return *generator_; }
    model::Critic& critic() { return *critic_; }
    FlatParameters& generator_parameters() { return generator_flat_; }
    FlatParameters& critic_parameters() { return critic_flat_; }
    Adam& generator_adam() { return generator_adam_; }
    Adam& critic_adam() { return critic_adam_; }

    // Runs step s, a critic or a generator step, and returns the votes of the gang. Collective. On
    // a GPU the votes of a whole iteration are returned after its generator step, where the host
    // waits for the device; the other steps return no votes.
    Votes step(uint32_t s, const Votes& mine);
    bool is_generator_step(uint32_t s) const {
        return s % steps_per_iteration() == steps_per_iteration() - 1;
    }
    uint32_t steps_per_iteration() const {
        return static_cast<uint32_t>(options_.critic_steps) + 1;
    }

    // The parts of a step, in order; public for tests.

    // Draws this member's slice on the host, eq. (25).
    GanBatch draw_batch(uint32_t s) const;
    // Returns G(x, z) without gradient; updates the renormalisation state.
    torch::Tensor make_fakes(const GanBatch& batch, uint32_t s);
    // Leaves the gradient of L_D, eq. (1), in the critic's parameters. The generator receives none.
    void accumulate_critic_gradient(const GanBatch& batch, const torch::Tensor& fakes, uint32_t s);
    // Leaves the gradient of L_G, eq. (2), in the generator's parameters. The critic receives none.
    void accumulate_generator_gradient(const GanBatch& batch, uint32_t s);

    // Returns the mean losses over the gang since the last call; the host waits for the device. NaN
    // if there was no step.
    GanLosses take_losses();
    // double [6] on the device; part of the state.
    const torch::Tensor& loss_sums() const { return loss_sums_; }
    void restore_loss_sums(const torch::Tensor& sums);

  private:
    Votes agree_and_update(FlatParameters& flat, Adam& adam, const Votes& mine, int first_sum,
                           int losses);
    Votes step_on_device(uint32_t s, const Votes& mine);
    Votes read_votes();
    void update(FlatParameters& flat, Adam& adam, int first_sum, int losses);
    model::Pass training_pass(uint64_t key, uint32_t s, uint32_t first, int norm_groups = 1) const;

    GanOptions options_;
    Compute compute_;
    ImageShape shape_;
    uint64_t z_key_, epsilon_key_, generator_key_, critic_key_, interpolate_key_,
        generator_step_key_;
    gang::Group& group_;
    uint32_t first_, count_; // this member's slice of the batch
    int norm_groups_;
    data::PairSampler pairs_;
    std::unique_ptr<model::Generator> generator_;
    std::unique_ptr<model::Critic> critic_;
    FlatParameters generator_flat_, critic_flat_;
    Adam generator_adam_, critic_adam_;
    torch::Tensor loss_sums_; // L_D, wasserstein, penalty, L_G, critic steps, generator steps

    // Used with a GPU only.
    std::unique_ptr<DeviceBatches> batches_;
    RepeatedStep critic_work_, generator_work_;
    // float [2]: the votes of this iteration on the device, and their copy on the host.
    torch::Tensor vote_sums_, votes_read_;
};

} // namespace dagan::train
