#include "train/classifier/classifier_run.h"

#include "base/error.h"
#include "base/random.h"
#include "spec/classifier_steps.h"
#include "spec/json.h"
#include "train/generate.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dagan::train {

namespace {
constexpr int kEvaluationBatch = 64;
constexpr const char* kBestPrefix = "kept.";
constexpr const char* kCurrentPrefix = "now.";

std::vector<int> sources_of(const std::vector<data::Case>& training) {
    std::vector<int> images;
    for (const data::Case& one : training) images.push_back(one.image);
    std::ranges::sort(images);
    images.erase(std::unique(images.begin(), images.end()), images.end());
    return images;
}

data::Augmentation augmentation_of(const ClassifierOptions& options, const data::Dataset& data) {
    return {.rotate = true,
            .shift_px = options.shift_px,
            .noise_sigma = options.noise_sigma,
            .fill_with_background = data.info().polarity == "ink_is_low"};
}

model::Pass training_pass(const ClassifierJob& job, uint32_t step) {
    return {.training = true,
            .key = derive(job.stream, "dropout classifier"),
            .step = step,
            .bf16 = job.options.precision == Precision::bf16,
            .adds_gradients = true};
}

uint64_t epochs_stream(const ClassifierJob& job) { return derive(job.stream, "classifier epochs"); }
} // namespace

GeneratedImages::GeneratedImages(TrainedGenerator generator, const data::Dataset& data,
                                 const std::vector<data::Case>& training, int per_image,
                                 uint64_t key)
    : generator_(std::move(generator)), data_(&data), sources_(sources_of(training)),
      per_image_(per_image), key_(key) {}

bool GeneratedImages::prepare(uint32_t epoch, Observer& observer) {
    if (!generator_) return true;
    pool_ = generate_pool(*generator_, *data_, sources_, per_image_, key_, epoch, observer, false);
    return pool_.has_value();
}

ClassifierRun::ClassifierRun(ClassifierJob job, const std::string& task_key,
                             const data::Dataset& data, const TaskPaths& paths,
                             GeneratedImages generated, Observer& observer, const Compute& compute)
    : job_(std::move(job)), compute_(compute), data_(data), shape_(shape_of(data)),
      generated_(std::move(generated)), observer_(observer),
      group_(gang::make_group_alone(make_memory_on(compute.device))),
      network_(move_to_device(std::make_unique<model::Classifier>(
                                  job_.options, shape_.channels, shape_.size, job_.cases.classes,
                                  derive(job_.stream, "classifier weights")),
                              compute)),
      flat_(*network_, *group_, 0, compute.maps),
      adam_(flat_.values().numel(),
            {job_.options.learning_rate, job_.options.beta1, job_.options.beta2}, compute.device),
      checkpoint_(paths.checkpoint(task_key), ResumeFacts::here(task_key, 1, compute.name())),
      whole_batch_step_(compute),
      device_loss_(torch::zeros({}, torch::dtype(torch::kFloat).device(compute.device))),
      loss_sums_(torch::zeros({2}, torch::dtype(torch::kDouble).device(compute.device))),
      save_timer_(paths.checkpoint_every) {
    require(job_.steps > 0 && !job_.cases.training.empty(), "there are steps and training cases");
    if (compute.gpu != nullptr) {
        set_precision(job_.options.precision);
        device_epochs_.emplace(shape_, job_.options.batch_size,
                               augmentation_of(job_.options, data_), epochs_stream(job_), compute);
    }
    batches_per_epoch_ = static_cast<int>(classifier_steps_per_epoch(
        job_.options, static_cast<int64_t>(job_.cases.training.size()), job_.generated_per_real));
    if (job_.epoch_select == EpochSelect::best_val && job_.cases.validation.empty()) {
        throw input_error("classifier.epoch_select: best_val: there are no validation cases; set "
                          "cases.validation, or use last");
    }
}

TaskOutput ClassifierRun::run() {
    resume();
    while (progress_.epochs_done < epochs()) {
        if (observer_.stop_requested()) return interrupted();
        if (epoch_ended()) {
            const Status status = end_epoch();
            if (status == Status::diverged) return output(Outcome::diverged);
            if (status == Status::stop) return interrupted();
        } else {
            if (!prepare_epoch()) return interrupted();
            train_step();
            if (save_timer_.due()) save();
        }
    }
    return finish();
}

int ClassifierRun::epochs() const {
    return static_cast<int>(epochs_of_steps(job_.steps, batches_per_epoch_));
}

bool ClassifierRun::epoch_ended() const {
    return progress_.steps ==
           std::min<int64_t>(int64_t{progress_.epochs_done + 1} * batches_per_epoch_, job_.steps);
}

void ClassifierRun::resume() {
    if (const auto file = checkpoint_.load()) restore(*file, checkpoint_.path().string());
    first_step_ = progress_.steps;
    observer_.progress(progress_.steps, job_.steps);
}

// Prepares the loader of the epoch that contains the next step.
bool ClassifierRun::prepare_epoch() {
    if (loader_epoch_ == progress_.epochs_done) return true;
    if (!generated_.prepare(static_cast<uint32_t>(progress_.epochs_done), observer_)) return false;
    loader_.emplace(data_, job_.cases.training, generated_.pool(), job_.generated_per_real,
                    job_.options.batch_size, augmentation_of(job_.options, data_),
                    epochs_stream(job_));
    if (device_epochs_ && (loader_epoch_ < 0 || generated_.regenerates())) {
        device_epochs_->load(data_, job_.cases.training, generated_.pool());
    }
    loader_epoch_ = progress_.epochs_done;
    return true;
}

void ClassifierRun::train_step() {
    if (queued_steps_ == 0) times_.start();
    const BatchLoss loss = device_epochs_ ? device_step() : host_step();
    adam_.step(flat_.values(), flat_.gradients());
    const torch::NoGradGuard no_grad;
    const auto images = static_cast<double>(loss.images);
    loss_sums_[0].add_(loss.mean, images);
    loss_sums_[1].add_(images);
    ++progress_.steps;
    if (++queued_steps_ >= (device_epochs_ ? DeviceEpochs::kStepsAhead : 1)) wait_for_queued();
    observer_.progress(progress_.steps, job_.steps);
}

void ClassifierRun::wait_for_queued() {
    if (queued_steps_ == 0) return;
    synchronize(compute_, *group_);
    times_.stop(std::exchange(queued_steps_, 0));
}

// Computes the mean cross-entropy of the batch, eq. (34), and leaves its gradient in flat_. Without
// mark_generated, generated images have the flag of real ones.
torch::Tensor ClassifierRun::batch_loss(const torch::Tensor& images, const torch::Tensor& flags,
                                        const torch::Tensor& labels, const model::Pass& pass) {
    flat_.zero_gradients();
    const torch::Tensor shown = job_.options.mark_generated ? flags : torch::ones_like(flags);
    const torch::Tensor loss =
        torch::cross_entropy_loss(network_->forward(images, shown, pass), labels);
    loss.backward();
    return loss.detach();
}

ClassifierRun::BatchLoss ClassifierRun::host_step() {
    const auto epoch = static_cast<uint32_t>(progress_.epochs_done);
    loader_->fill(epoch, static_cast<int>(progress_.steps % batches_per_epoch_), batch_);
    const int64_t size = batch_.size();
    const torch::Tensor images = torch::from_blob(
        batch_.images.data(), {size, shape_.channels, shape_.size, shape_.size}, torch::kFloat);
    const torch::Tensor flags = torch::from_blob(batch_.real.data(), {size}, torch::kFloat);
    const torch::Tensor labels = torch::from_blob(batch_.labels.data(), {size}, torch::kLong);
    return {batch_loss(images, flags, labels,
                       training_pass(job_, static_cast<uint32_t>(progress_.steps))),
            size};
}

// The same, queued on the device. Full batches are captured; the last batch of an epoch may be
// smaller and is not.
ClassifierRun::BatchLoss ClassifierRun::device_step() {
    const auto epoch = static_cast<uint32_t>(progress_.epochs_done);
    const int64_t size = device_epochs_->stage(
        *loader_, epoch, static_cast<int>(progress_.steps % batches_per_epoch_),
        static_cast<uint32_t>(progress_.steps));
    const auto work = [this, size] {
        model::Pass pass = training_pass(job_, 0);
        pass.device_step = device_epochs_->step();
        const torch::Tensor loss =
            batch_loss(device_epochs_->assemble(size), device_epochs_->real(size),
                       device_epochs_->labels(size), pass);
        const torch::NoGradGuard no_grad;
        device_loss_.copy_(loss);
    };
    size < job_.options.batch_size ? work() : whole_batch_step_.run(work);
    return {device_loss_, size};
}

// Validates, and keeps the weights if this epoch is the best so far (the earliest on ties).
ClassifierRun::Status ClassifierRun::end_epoch() {
    wait_for_queued(); // so that validation does not count as step time
    const std::optional<Count> validation = evaluate(job_.cases.validation);
    if (!validation) return Status::stop;
    const double loss = loss_sums_[0].item<double>() / loss_sums_[1].item<double>();
    loss_sums_.zero_();
    const int epoch = ++progress_.epochs_done;
    progress_.curve.push_back({epoch, "loss", loss});
    if (validation->total > 0) {
        progress_.curve.push_back({epoch, "validation_accuracy",
                                   static_cast<double>(validation->correct) / validation->total});
    }
    if (!std::isfinite(loss)) return Status::diverged;
    ClassifierScore& score = progress_.score;
    if (job_.epoch_select == EpochSelect::last || epoch == 1 ||
        validation->correct > score.validation_correct) {
        score.best_epoch = epoch;
        score.validation_correct = validation->correct;
        score.validation_total = validation->total;
        if (job_.epoch_select == EpochSelect::best_val)
            store_module(*network_, kBestPrefix, best_weights_);
    }
    return Status::proceed;
}

// Returns the number of correct answers with the current weights; nullopt if the observer requested
// a stop.
std::optional<ClassifierRun::Count> ClassifierRun::evaluate(const std::vector<data::Case>& cases) {
    const torch::NoGradGuard no_grad;
    size_t total = cases.size();
    const auto batch_size = static_cast<size_t>(job_.options.batch_size);
    // As in the published counts, docs/reference/model.md, "Published numbers". Fewer cases than
    // one batch are all counted.
    if (job_.options.eval_drop_last && total >= batch_size) total -= total % batch_size;
    Count count{.correct = 0, .total = static_cast<int>(total)};
    for (size_t begin = 0; begin < total; begin += kEvaluationBatch) {
        if (observer_.stop_requested()) return std::nullopt;
        std::vector<int> images;
        std::vector<int64_t> labels;
        for (size_t i = begin; i < std::min(total, begin + kEvaluationBatch); ++i) {
            images.push_back(cases[i].image);
            labels.push_back(cases[i].label);
        }
        const torch::Tensor shown = image_tensor(data_, images, shape_).to(compute_.device);
        const torch::Tensor flags = torch::ones({static_cast<int64_t>(images.size())});
        const torch::Tensor answers =
            network_->forward(shown, flags, model::Pass::inference()).argmax(1).cpu();
        count.correct += static_cast<int>(answers.eq(torch::tensor(labels)).sum().item<int64_t>());
    }
    return count;
}

TaskOutput ClassifierRun::finish() {
    if (job_.epoch_select == EpochSelect::best_val)
        restore_module(*network_, kBestPrefix, best_weights_, "weights of the best epoch");
    const std::optional<Count> test = evaluate(job_.cases.test);
    if (!test) return interrupted();
    progress_.score.steps = progress_.steps;
    progress_.score.test_correct = test->correct;
    progress_.score.test_total = test->total;
    TaskOutput result = output(Outcome::done);
    result.score = progress_.score;
    return result;
}

TaskOutput ClassifierRun::interrupted() {
    save();
    return output(Outcome::interrupted);
}

TaskOutput ClassifierRun::output(Outcome outcome) const {
    return {.outcome = outcome,
            .curve = progress_.curve,
            .steps_done = progress_.steps - first_step_,
            .seconds_per_step = times_.median()};
}

void ClassifierRun::save() {
    wait_for_queued();
    TensorFile file = best_weights_;
    store_module(*network_, kCurrentPrefix, file);
    file.tensors["first_moment"] = adam_.first_moment();
    file.tensors["second_moment"] = adam_.second_moment();
    file.tensors["loss_sums"] = loss_sums_;
    file.metadata["progress"] = encode_json(progress_).dump();
    checkpoint_.save(std::move(file));
    save_timer_.saved();
}

void ClassifierRun::restore(const TensorFile& file, const std::string& source) {
    const torch::NoGradGuard no_grad;
    progress_ = from_json_text<Progress>(file.text("progress", source));
    restore_module(*network_, kCurrentPrefix, file, source);
    adam_.restore(file.tensor("first_moment", source), file.tensor("second_moment", source),
                  progress_.steps);
    loss_sums_.copy_(file.tensor("loss_sums", source));
    for (const auto& [name, tensor] : file.tensors) {
        if (name.starts_with(kBestPrefix)) best_weights_.tensors.emplace(name, tensor);
    }
}

} // namespace dagan::train
