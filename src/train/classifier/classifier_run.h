// One training of a classifier, for trials and selectors alike (dagan.md section 7): epochs of augmented batches, Adam on the
// mean cross-entropy, validation after every epoch, and the test cases once, with the chosen epoch's weights. The batch of a step
// and its masks are functions of (stream, epoch, batch), so any step can be the first of a resumed run.
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

// What one training of a classifier is made of.
struct ClassifierJob {
    ClassifierOptions options;
    data::ClassifierCases
        cases; // validation and test cases may be missing where nothing is chosen or reported
    int generated_per_real = 0;
    int64_t steps = 0; // optimiser steps in all; the last epoch may be cut short by it
    EpochSelect epoch_select = EpochSelect::best_val;
    uint64_t stream = 0;
};

// Where an epoch's generated images come from.
class GeneratedImages {
  public:
    GeneratedImages() = default;                                          // there are none
    explicit GeneratedImages(data::Pool pool) : pool_(std::move(pool)) {} // made once
    // Made anew for each epoch, `per_image` from every training case. `data` must outlive this.
    GeneratedImages(TrainedGenerator generator, const data::Dataset& data,
                    const std::vector<data::Case>& training, int per_image, uint64_t key);

    // Makes ready what `epoch` shows; false when the observer asked to stop. After that pool() is the epoch's, or null.
    bool prepare(uint32_t epoch, Observer& observer);
    const data::Pool* pool() const { return pool_ ? &*pool_ : nullptr; }
    bool regenerates() const { return generator_.has_value(); }

  private:
    std::optional<data::Pool> pool_;
    std::optional<TrainedGenerator> generator_;
    const data::Dataset* data_ = nullptr;
    std::vector<int> sources_;
    int per_image_ = 0;
    uint64_t key_ = 0;
};

// Optimiser steps of a run: `epochs` epochs of cases * (1 + m) images in batches, the last one possibly smaller.
int64_t classifier_steps(const ClassifierOptions& options, int64_t cases, int generated_per_real);

class ClassifierRun {
  public:
    // `data` and `observer` must outlive this.
    ClassifierRun(ClassifierJob job, const std::string& task_key, const data::Dataset& data,
                  const TaskPaths& place, GeneratedImages generated, Observer& observer,
                  const Compute& compute = {});

    // Trains to the end, or until asked to stop. When done, the network has the chosen epoch's weights.
    TaskOutput run();
    const model::Classifier& network() const { return *network_; }
    // The task is finished and its result kept elsewhere.
    void forget_checkpoint() const { checkpoint_.remove(); }

    // The parts of an epoch, in order, for run() and for measurements.
    bool prepare_epoch(); // readies the next step; false when the observer asked to stop
    void train_step();

  private:
    struct Count {
        int correct = 0, total = 0;
    };
    struct BatchLoss {
        torch::Tensor mean;
        int64_t images = 0;
    };
    // The part of the state that is no tensor.
    struct Progress {
        int64_t steps = 0;
        int epochs_done = 0; // validated ones
        ClassifierScore score;
        std::vector<CurvePoint> curve;

        DAGAN_FIELDS(steps, epochs_done, score, curve)
    };

    enum class Verdict { go_on, stop, diverged };

    int epochs() const; // the last one may be cut short
    bool epoch_ended() const;
    void resume();
    void restore(const TensorFile& file, const std::string& place);
    void save();
    void wait_for_queued();
    torch::Tensor batch_loss(const torch::Tensor& images, const torch::Tensor& flags,
                             const torch::Tensor& labels, const model::Pass& pass);
    BatchLoss host_step();
    BatchLoss device_step();
    Verdict end_epoch();
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
    std::unique_ptr<gang::Group> alone_;
    std::unique_ptr<model::Classifier> network_;
    FlatParameters flat_;
    Adam adam_;
    CheckpointFile checkpoint_;
    int batches_per_epoch_ = 0;
    std::optional<data::EpochLoader> loader_; // of loader_epoch_
    int loader_epoch_ = -1;
    data::LabelledBatch batch_;                 // reused
    std::optional<DeviceEpochs> device_epochs_; // with a GPU alone
    RepeatedStep whole_batch_step_;
    torch::Tensor device_loss_; // of the step that was queued last
    int queued_steps_ = 0;      // since the host last waited
    torch::Tensor loss_sums_;   // double [2]: loss and number of this epoch's images
    TensorFile kept_;           // weights of the best epoch so far, where one is chosen
    Progress progress_;
    int64_t first_step_ = 0; // of this attempt
    StepTimes times_;
    SaveTimer save_timer_;
};

} // namespace dagan::train
