// One training of a classifier, for trials and selectors: docs/reference/model.md, eqs. (32) to
// (36).
//
// Epochs of augmented batches, Adam on the mean cross-entropy, validation after every epoch, and
// one evaluation of the test cases with the weights of the chosen epoch. The batch of a step and
// its dropout masks are functions of (stream, epoch, batch), so a resumed run may start at any
// step.
//
//     ClassifierRun run(job, task_key, data, paths, GeneratedImages(), observer);
//     const TaskOutput output = run.run();
//     if (output.outcome == Outcome::done) use(run.network());
#pragma once

#include "data/epochs.h"
#include "data/roles.h"
#include "gang/group.h"
#include "model/networks.h"
#include "spec/fields.h"
#include "train/device/compute.h"
#include "train/device/device_epochs.h"
#include "train/files/checkpoint_file.h"
#include "train/files/network_file.h"
#include "train/step_times.h"
#include "train/tasks.h"
#include "train/tensors/adam.h"
#include "train/tensors/flat_parameters.h"

#include <memory>
#include <optional>
#include <vector>

namespace dagan::train {

struct ClassifierJob {
    ClassifierOptions options;
    // Validation cases are optional with EpochSelect::last, test cases always.
    data::ClassifierCases cases;
    int generated_per_real = 0;
    // Optimiser steps of the whole run, eq. (36) or (40). They may end within the last epoch.
    int64_t steps = 0;
    EpochSelect epoch_select = EpochSelect::best_val;
    uint64_t stream = 0;
};

// The source of an epoch's generated images: none, a pool, or a generator.
class GeneratedImages {
  public:
    GeneratedImages() = default;
    explicit GeneratedImages(data::Pool pool) : pool_(std::move(pool)) {}
    // Generates `per_image` images from every training case, new ones for each epoch. `data` must
    // outlive this.
    GeneratedImages(TrainedGenerator generator, const data::Dataset& data,
                    const std::vector<data::Case>& training, int per_image, uint64_t key);

    // Prepares the images of `epoch`; pool() then returns them. Returns false if the observer
    // requested a stop.
    bool prepare(uint32_t epoch, Observer& observer);
    // Null if there are no generated images.
    const data::Pool* pool() const { return pool_ ? &*pool_ : nullptr; }
    // Whether each epoch has new images.
    bool regenerates() const { return generator_.has_value(); }

  private:
    std::optional<data::Pool> pool_;
    std::optional<TrainedGenerator> generator_;
    const data::Dataset* data_ = nullptr;
    std::vector<int> sources_;
    int per_image_ = 0;
    uint64_t key_ = 0;
};

class ClassifierRun {
  public:
    // `data` and `observer` must outlive this. Throws Blame::input if an epoch is to be chosen
    // without validation cases.
    ClassifierRun(ClassifierJob job, const std::string& task_key, const data::Dataset& data,
                  const TaskPaths& paths, GeneratedImages generated, Observer& observer,
                  const Compute& compute = {});

    // Resumes from the task's checkpoint, if any, and trains to the end or until a stop is
    // requested. If the outcome is done, network() has the weights of the chosen epoch.
    TaskOutput run();
    const model::Classifier& network() const { return *network_; }
    // Call when the result is stored.
    void remove_checkpoint() const { checkpoint_.remove(); }

    // The parts of an epoch, in order; public for measurements. prepare_epoch() prepares the next
    // step and returns false if the observer requested a stop.
    bool prepare_epoch();
    void train_step();

  private:
    struct Count {
        int correct = 0, total = 0;
    };
    struct BatchLoss {
        torch::Tensor mean;
        int64_t images = 0;
    };
    // The part of the state that is not a tensor.
    struct Progress {
        int64_t steps = 0;
        int epochs_done = 0; // validated epochs
        ClassifierScore score;
        std::vector<CurvePoint> curve;

        DAGAN_FIELDS(steps, epochs_done, score, curve)
    };

    enum class Status { proceed, stop, diverged };

    int epochs() const; // the last one may be cut short
    bool epoch_ended() const;
    void resume();
    void restore(const TensorFile& file, const std::string& source);
    void save();
    void wait_for_queued();
    torch::Tensor batch_loss(const torch::Tensor& images, const torch::Tensor& flags,
                             const torch::Tensor& labels, const model::Pass& pass);
    BatchLoss host_step();
    BatchLoss device_step();
    Status end_epoch();
    std::optional<Count> evaluate(const std::vector<data::Case>& cases);
    TaskOutput finish();
    TaskOutput interrupted();
    TaskOutput output(Outcome outcome) const;

    ClassifierJob job_;
    Compute compute_;
    const data::Dataset& data_;
    ImageShape shape_;
    GeneratedImages generated_;
    Observer& observer_;
    std::unique_ptr<gang::Group> group_; // of one member
    std::unique_ptr<model::Classifier> network_;
    FlatParameters flat_;
    Adam adam_;
    CheckpointFile checkpoint_;
    int batches_per_epoch_ = 0;
    std::optional<data::EpochLoader> loader_; // of loader_epoch_
    int loader_epoch_ = -1;
    data::LabelledBatch batch_;                 // reused
    std::optional<DeviceEpochs> device_epochs_; // with a GPU only
    RepeatedStep whole_batch_step_;
    torch::Tensor device_loss_; // of the last queued step
    int queued_steps_ = 0;      // since the host last waited
    torch::Tensor loss_sums_;   // double [2]: sum of losses and number of images of this epoch
    TensorFile best_weights_;   // of the best epoch so far, with EpochSelect::best_val
    Progress progress_;
    int64_t first_step_ = 0; // of this attempt
    StepTimes times_;
    SaveTimer save_timer_;
};

} // namespace dagan::train
