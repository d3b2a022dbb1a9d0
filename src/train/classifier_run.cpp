#include "train/classifier_run.h"

#include "base/error.h"
#include "base/random.h"
#include "spec/json.h"
#include "train/generate.h"

#include <algorithm>
#include <cmath>

namespace dagan {

namespace {
constexpr int kEvaluationBatch = 64;
constexpr const char* kKept = "kept.";
constexpr const char* kNow = "now.";

std::vector<int> sources_of(const std::vector<Case>& training) {
    std::vector<int> images;
    for (const Case& one : training) images.push_back(one.image);
    std::ranges::sort(images);
    images.erase(std::unique(images.begin(), images.end()), images.end());
    return images;
}

Augmentation augmentation_of(const ClassifierOptions& options, const Dataset& data) {
    return {.rotate = true,
            .shift_px = options.shift_px,
            .noise_sigma = options.noise_sigma,
            .fill_with_background = data.info().polarity == "ink_is_low"};
}

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
} // namespace

GeneratedImages::GeneratedImages(TrainedGenerator generator, const Dataset& data, const std::vector<Case>& training,
                                 int per_image, uint64_t key)
    : generator_(std::move(generator)), data_(&data), sources_(sources_of(training)), per_image_(per_image), key_(key) {}

bool GeneratedImages::prepare(uint32_t epoch, Observer& observer) {
    if (!generator_) return true;
    pool_ = generate_pool(*generator_, *data_, sources_, per_image_, key_, epoch, observer, false);
    return pool_.has_value();
}

int64_t classifier_steps(const ClassifierOptions& options, int64_t cases, int generated_per_real) {
    return options.epochs * divided_up(cases * (1 + generated_per_real), options.batch_size);
}

ClassifierRun::ClassifierRun(ClassifierJob job, const std::string& task_key, const Dataset& data, const Workplace& place,
                             GeneratedImages generated, Observer& observer)
    : job_(std::move(job)), data_(data), shape_(shape_of(data)), generated_(std::move(generated)), observer_(observer),
      alone_(make_group_alone()),
      network_(std::make_unique<Classifier>(job_.options, shape_.channels, shape_.size, job_.cases.classes,
                                            derive(job_.stream, "classifier weights"))),
      flat_(*network_, *alone_, 0),
      adam_(flat_.values().numel(), {job_.options.learning_rate, job_.options.beta1, job_.options.beta2}),
      checkpoint_(place.checkpoint(task_key), ResumeFacts::here(task_key, 1)), loss_sums_(torch::zeros({2}, torch::kDouble)),
      save_timer_(place.checkpoint_every) {
    require(job_.steps > 0 && !job_.cases.training.empty(), "there is something to train on");
    const auto images = static_cast<int64_t>(job_.cases.training.size()) * (1 + job_.generated_per_real);
    batches_per_epoch_ = static_cast<int>(divided_up(images, job_.options.batch_size));
    if (job_.epoch_select == EpochSelect::best_val && job_.cases.validation.empty()) {
        throw input_error("classifier.epoch_select: best_val: there are no validation cases; give cases.validation, or use last");
    }
}

TaskOutput ClassifierRun::run() {
    resume();
    while (progress_.epochs_done < epochs()) {
        if (observer_.stop_requested()) return interrupted();
        if (epoch_ended()) {
            const Verdict verdict = end_epoch();
            if (verdict == Verdict::diverged) return output(Outcome::diverged);
            if (verdict == Verdict::stop) return interrupted();
        } else {
            if (!prepare_epoch()) return interrupted();
            train_step();
            if (save_timer_.due()) save();
        }
    }
    return finish();
}

int ClassifierRun::epochs() const { return static_cast<int>(divided_up(job_.steps, batches_per_epoch_)); }

bool ClassifierRun::epoch_ended() const {
    return progress_.steps == std::min<int64_t>(int64_t{progress_.epochs_done + 1} * batches_per_epoch_, job_.steps);
}

void ClassifierRun::resume() {
    if (const auto file = checkpoint_.load()) restore(*file, checkpoint_.path().string());
    first_step_ = progress_.steps;
    observer_.progress(progress_.steps, job_.steps);
}

// The loader of the epoch in which the next step lies.
bool ClassifierRun::prepare_epoch() {
    if (loader_epoch_ == progress_.epochs_done) return true;
    if (!generated_.prepare(static_cast<uint32_t>(progress_.epochs_done), observer_)) return false;
    loader_.emplace(data_, job_.cases.training, generated_.pool(), job_.generated_per_real, job_.options.batch_size,
                    augmentation_of(job_.options, data_), derive(job_.stream, "classifier epochs"));
    loader_epoch_ = progress_.epochs_done;
    return true;
}

void ClassifierRun::train_step() {
    times_.start();
    const auto epoch = static_cast<uint32_t>(progress_.epochs_done);
    loader_->fill(epoch, static_cast<int>(progress_.steps % batches_per_epoch_), batch_);
    const int64_t b = batch_.size();
    const torch::Tensor images =
        torch::from_blob(batch_.images.data(), {b, shape_.channels, shape_.size, shape_.size}, torch::kFloat);
    const torch::Tensor flags = torch::from_blob(batch_.real.data(), {b}, torch::kFloat);
    const torch::Tensor labels = torch::from_blob(batch_.labels.data(), {b}, torch::kLong);
    const Pass pass{
        .training = true, .key = derive(job_.stream, "dropout classifier"), .step = static_cast<uint32_t>(progress_.steps)};

    flat_.zero_gradients();
    const torch::Tensor loss = torch::cross_entropy_loss(network_->forward(images, flags, pass), labels);
    loss.backward();
    adam_.step(flat_.values(), flat_.gradients());

    const torch::NoGradGuard no_grad;
    loss_sums_[0].add_(loss.detach(), static_cast<double>(b));
    loss_sums_[1].add_(static_cast<double>(b));
    ++progress_.steps;
    times_.stop();
    observer_.progress(progress_.steps, job_.steps);
}

// Validates, and keeps the weights when this epoch is the best so far, the earliest on ties.
ClassifierRun::Verdict ClassifierRun::end_epoch() {
    const std::optional<Count> validation = evaluate(job_.cases.validation);
    if (!validation) return Verdict::stop;
    const double loss = loss_sums_[0].item<double>() / loss_sums_[1].item<double>();
    loss_sums_.zero_();
    const int epoch = ++progress_.epochs_done;
    progress_.curve.push_back({epoch, "loss", loss});
    if (validation->total > 0) {
        progress_.curve.push_back({epoch, "validation_accuracy", static_cast<double>(validation->correct) / validation->total});
    }
    if (!std::isfinite(loss)) return Verdict::diverged;
    ClassifierScore& score = progress_.score;
    if (job_.epoch_select == EpochSelect::last || epoch == 1 || validation->correct > score.validation_correct) {
        score.best_epoch = epoch;
        score.validation_correct = validation->correct;
        score.validation_total = validation->total;
        if (job_.epoch_select == EpochSelect::best_val) store_module(*network_, kKept, kept_);
    }
    return Verdict::go_on;
}

// Counts right answers with the network as it is; nothing when the observer asked to stop.
std::optional<ClassifierRun::Count> ClassifierRun::evaluate(const std::vector<Case>& cases) {
    const torch::NoGradGuard no_grad;
    size_t total = cases.size();
    const auto batch_size = static_cast<size_t>(job_.options.batch_size);
    // Imitates the published counts (dagan.md section 11); fewer cases than one batch are all counted.
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
        const torch::Tensor flags = torch::ones({static_cast<int64_t>(images.size())});
        const torch::Tensor answers = network_->forward(image_tensor(data_, images, shape_), flags, Pass::inference()).argmax(1);
        count.correct += static_cast<int>(answers.eq(torch::tensor(labels)).sum().item<int64_t>());
    }
    return count;
}

TaskOutput ClassifierRun::finish() {
    if (job_.epoch_select == EpochSelect::best_val) restore_module(*network_, kKept, kept_, "the best epoch's weights");
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
    TensorFile file = kept_;
    store_module(*network_, kNow, file);
    file.tensors["first_moment"] = adam_.first_moment();
    file.tensors["second_moment"] = adam_.second_moment();
    file.tensors["loss_sums"] = loss_sums_;
    file.metadata["progress"] = encode_json(progress_).dump();
    checkpoint_.save(std::move(file));
    save_timer_.saved();
}

void ClassifierRun::restore(const TensorFile& file, const std::string& place) {
    const torch::NoGradGuard no_grad;
    progress_ = from_json_text<Progress>(file.text("progress", place));
    restore_module(*network_, kNow, file, place);
    adam_.restore(file.tensor("first_moment", place), file.tensor("second_moment", place), progress_.steps);
    loss_sums_.copy_(file.tensor("loss_sums", place));
    for (const auto& [name, tensor] : file.tensors) {
        if (name.starts_with(kKept)) kept_.tensors.emplace(name, tensor);
    }
}

} // namespace dagan
