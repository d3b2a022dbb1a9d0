// The WGAN-GP training of a DAGAN, step by step (dagan.md sections 1 and 5), over a group whose members each take their slice of
// every batch. Steps are numbered from 0 over the whole run: step s belongs to iteration s / (critic_steps + 1), whose last step
// is the generator's. Everything random (pairs, z, epsilon, dropout masks) is a function of (stream, s, index in the whole
// batch), so the state is parameters, Adam moments, renorm state and the loss sums, and any step can be the first of a resumed
// run.
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

// Mean losses over a number of steps.
struct GanLosses {
    double critic_loss = 0, wasserstein = 0,
           penalty = 0; // wasserstein: mean D(x, real) - mean D(x, fake)
    double generator_loss = 0;
    bool finite() const;
};

class WganGp {
  public:
    // `data` and `group` must outlive this. `norm_groups`: the generator's batch statistics over this many equal parts of the
    // slice; with R, one member computes what R members would (dagan.md section 5). With a GPU in `compute`, `group` reduces its
    // memory, and all but the drawing of random numbers is queued there. Throws Blame::input when the batch does not divide.
    WganGp(const GanOptions& options, uint64_t stream, const data::Dataset& data,
           std::vector<int> classes, gang::Group& group, int norm_groups = 1,
           const Compute& compute = {});

    model::Generator& generator() { return *generator_; }
    model::Critic& critic() { return *critic_; }
    FlatParameters& generator_parameters() { return generator_flat_; }
    FlatParameters& critic_parameters() { return critic_flat_; }
    Adam& generator_adam() { return generator_adam_; }
    Adam& critic_adam() { return critic_adam_; }

    // Takes step s, whichever kind it is. Collective; returns the gang's votes. On a GPU it returns none but after the
    // generator's step, and then those of the whole iteration: only there does the host wait.
    Votes step(uint32_t s, const Votes& mine);
    bool is_generator_step(uint32_t s) const {
        return s % steps_per_iteration() == steps_per_iteration() - 1;
    }
    uint32_t steps_per_iteration() const {
        return static_cast<uint32_t>(options_.critic_steps) + 1;
    }

    // The parts of a step, in order, for step() and for tests.
    GanBatch draw_batch(uint32_t s) const; // on the host
    torch::Tensor make_fakes(const GanBatch& batch,
                             uint32_t s); // constant; updates the renorm state
    void accumulate_critic_gradient(const GanBatch& batch, const torch::Tensor& fakes,
                                    uint32_t s);                           // of L_D; G gets none
    void accumulate_generator_gradient(const GanBatch& batch, uint32_t s); // of L_G; D gets none

    // Means over the gang since the last call; the host waits for the device. NaN where no step was taken.
    GanLosses take_losses();
    const torch::Tensor& loss_sums() const {
        return loss_sums_;
    } // double [6], on the device, part of the state
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
    uint64_t z_key_, epsilon_key_, generator_key_, critic_key_, interpolate_key_, judge_key_;
    gang::Group& group_;
    uint32_t first_, count_; // this member's slice
    int norm_groups_;
    data::PairSampler pairs_;
    std::unique_ptr<model::Generator> generator_;
    std::unique_ptr<model::Critic> critic_;
    FlatParameters generator_flat_, critic_flat_;
    Adam generator_adam_, critic_adam_;
    torch::Tensor loss_sums_; // L_D, wasserstein, penalty, L_G, critic steps, generator steps
    // With a GPU alone:
    std::unique_ptr<DeviceBatches> batches_;
    RepeatedStep critic_work_, generator_work_;
    torch::Tensor vote_sums_,
        votes_read_; // float [2]: of this iteration, and where the host reads them
};

} // namespace dagan::train
