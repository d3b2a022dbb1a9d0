#include "base/error.h"
#include "base/random.h"
#include "data/roles.h"
#include "spec/fields.h"
#include "spec/json.h"
#include "train/files/checkpoint_file.h"
#include "train/files/network_file.h"
#include "train/gan/candidates.h"
#include "train/gan/member_state.h"
#include "train/gan/wgan_gp.h"
#include "train/step_times.h"
#include "train/tasks.h"

#include <algorithm>

namespace dagan::train {

namespace {
constexpr int64_t kLogPoints = 200; // points of each training curve

// Returns the classes that the DAGAN is trained on.
std::vector<int> training_classes(const GanTask& task, const data::Dataset& data) {
    std::vector<int> classes =
        data::classes_of(task.dataset, data.info().classes, data::Domain::source);
    const auto limit = static_cast<size_t>(task.gan.limit_classes);
    if (limit > 0 && limit < classes.size()) classes.resize(limit);
    return classes;
}

// The part of the state that is not a tensor. Equal on all members, except as noted.
struct Progress {
    int64_t steps = 0;     // critic and generator steps of the whole run
    int64_t evaluated = 0; // iteration of the last candidate
    int64_t critic_adam_steps = 0, generator_adam_steps = 0;
    std::vector<Candidate> candidates; // position 0 only
    std::vector<CurvePoint> curve;     // position 0 only

    DAGAN_FIELDS(steps, evaluated, critic_adam_steps, generator_adam_steps, candidates, curve)
};

// Runs docs/reference/model.md, "Training the DAGAN": iterations of critic steps, eq. (1), and a
// generator step, eq. (2); averages the renormalisation state, eq. (27); measures candidates, eqs.
// (29) to (31), and chooses one.
class GanRun {
  public:
    GanRun(const GanTask& task, const std::string& key, const data::Dataset& data,
           const TaskPaths& paths, gang::Group& group, Observer& observer, const Compute& compute);
    TaskOutput run();

  private:
    enum class Status { proceed, stop, diverged };

    bool is_writer() const { return group_.rank() == 0; }
    int64_t iteration() const { return progress_.steps / wgan_.steps_per_iteration(); }
    int64_t total_steps() const { return task_.gan.iterations * wgan_.steps_per_iteration(); }
    bool at_iteration_end() const { return progress_.steps % wgan_.steps_per_iteration() == 0; }
    bool candidate_due() const;

    void resume();
    void check_same_checkpoint();
    void restore(const TensorFile& file, const std::string& source);
    void save();
    Votes train_step();
    Status end_iteration();
    Status evaluate_candidate();
    Status judge_candidate();
    Status agree(Status mine);
    TaskOutput output(Outcome outcome) const;
    TaskOutput diverged() const;
    TaskOutput finish();
    void remove_temporary_files() const;

    const GanTask& task_;
    const std::string& key_;
    const TaskPaths& paths_;
    gang::Group& group_;
    Observer& observer_;
    ImageShape shape_;
    // Reduces gradients on GPUs; null on the host. All other agreements of the gang use group_.
    std::unique_ptr<gang::Group> device_group_;
    WganGp wgan_;
    MemberState renorm_state_;
    CheckpointFile checkpoint_;
    std::optional<CandidateJudge> judge_; // position 0 only
    std::vector<int64_t> candidate_iterations_;
    std::span<float> agreement_; // {stop, diverged}, or the two halves of the first step
    Progress progress_;
    int64_t first_step_ = 0; // of this attempt
    StepTimes times_;        // of whole iterations
    bool timing_ = false;
    SaveTimer save_timer_;
};

GanRun::GanRun(const GanTask& task, const std::string& key, const data::Dataset& data,
               const TaskPaths& paths, gang::Group& group, Observer& observer,
               const Compute& compute)
    : task_(task), key_(key), paths_(paths), group_(group), observer_(observer),
      shape_(shape_of(data)),
      device_group_(make_device_group(compute, group, [&observer] { observer.stop_requested(); })),
      wgan_(task.gan, task.stream, data, training_classes(task, data),
            device_group_ ? *device_group_ : group, 1, compute),
      renorm_state_(wgan_.generator(), group),
      checkpoint_(paths.checkpoint(key), ResumeFacts::here(key, group.size(), compute.name())),
      candidate_iterations_(candidate_iterations(task.gan.iterations, task.gan.checkpoints)),
      agreement_(group.allocate(2)), save_timer_(paths.checkpoint_every) {
    require(total_steps() < int64_t{UINT32_MAX},
            "the number of steps fits into the counter of the random streams");
    require(task.gan.renorm_sync > 0, "renorm_sync is positive");
    if (is_writer()) judge_.emplace(task, data, paths, compute.device);
}

TaskOutput GanRun::run() {
    resume();
    for (;;) {
        if (candidate_due()) {
            const Status status = evaluate_candidate();
            if (status == Status::diverged) return diverged();
            if (status == Status::stop) {
                save();
                return output(Outcome::interrupted);
            }
        }
        if (progress_.steps == total_steps()) return finish();
        const Votes agreed = train_step();
        if (at_iteration_end() && end_iteration() == Status::diverged) return diverged();
        if (agreed.stop || agreed.save) save();
        if (agreed.stop) return output(Outcome::interrupted);
    }
}

bool GanRun::candidate_due() const {
    return at_iteration_end() && iteration() > progress_.evaluated &&
           std::ranges::binary_search(candidate_iterations_, iteration());
}

void GanRun::resume() {
    if (const auto file = checkpoint_.load()) restore(*file, checkpoint_.path().string());
    first_step_ = progress_.steps;
    check_same_checkpoint();
    observer_.progress(iteration(), task_.gan.iterations);
}

// All members read the same path, but a network file system may show them different files.
void GanRun::check_same_checkpoint() {
    agreement_[0] = static_cast<float>(progress_.steps & 0xFFFF);
    agreement_[1] = static_cast<float>(progress_.steps >> 16);
    const int64_t mine = progress_.steps;
    group_.all_reduce_mean(agreement_);
    const bool same = agreement_[0] == static_cast<float>(mine & 0xFFFF) &&
                      agreement_[1] == static_cast<float>(mine >> 16);
    if (!same)
        throw system_error(
            checkpoint_.path().string() +
            ": the members of the gang read different checkpoints; hint: is the folder on a shared "
            "file system?");
}

Votes GanRun::train_step() {
    const bool first_of_iteration = at_iteration_end();
    if (first_of_iteration) times_.start();
    // An iteration that was resumed in the middle is not timed.
    timing_ = timing_ || first_of_iteration;
    const Votes mine{.stop = observer_.stop_requested(), .save = is_writer() && save_timer_.due()};
    const Votes agreed = wgan_.step(static_cast<uint32_t>(progress_.steps), mine);
    ++progress_.steps;
    return agreed;
}

// Averages the renormalisation state, eq. (27), and logs losses at fixed iterations, the same on
// every member.
GanRun::Status GanRun::end_iteration() {
    if (iteration() % task_.gan.renorm_sync == 0) renorm_state_.average();
    if (timing_) times_.stop();
    observer_.progress(iteration(), task_.gan.iterations);
    const int64_t log_every = std::max<int64_t>(1, task_.gan.iterations / kLogPoints);
    if (iteration() % log_every != 0 && progress_.steps != total_steps()) return Status::proceed;
    const GanLosses losses = wgan_.take_losses();
    if (is_writer()) {
        progress_.curve.push_back({iteration(), "critic_loss", losses.critic_loss});
        progress_.curve.push_back({iteration(), "wasserstein", losses.wasserstein});
        progress_.curve.push_back({iteration(), "penalty", losses.penalty});
        progress_.curve.push_back({iteration(), "generator_loss", losses.generator_loss});
    }
    return losses.finite() ? Status::proceed : Status::diverged;
}

// Position 0 measures the candidate with the mean renormalisation state of the gang; the others
// wait for its status. Then each member restores its own state.
GanRun::Status GanRun::evaluate_candidate() {
    const torch::Tensor own = renorm_state_.pack();
    renorm_state_.average();
    const Status status = agree(is_writer() ? judge_candidate() : Status::proceed);
    renorm_state_.unpack(own);
    if (status != Status::stop) progress_.evaluated = iteration();
    return status;
}

GanRun::Status GanRun::judge_candidate() {
    const auto candidate = judge_->judge(wgan_.generator(), wgan_.critic(), iteration(), observer_);
    if (!candidate) return Status::stop;
    if (!candidate->finite()) return Status::diverged;
    TensorFile file = generator_file(wgan_.generator(), task_.gan, shape_);
    file.metadata["task"] = key_;
    file.metadata["candidate"] = encode_json(*candidate).dump();
    write_tensor_file(paths_.candidate(key_, iteration()), file);
    judge_->write_sheet(wgan_.generator(), paths_.samples(key_, iteration()));
    std::ranges::copy(candidate->curve(), std::back_inserter(progress_.curve));
    progress_.candidates.push_back(*candidate);
    return Status::proceed;
}

GanRun::Status GanRun::agree(Status mine) {
    agreement_[0] = mine == Status::stop ? 1.0F : 0.0F;
    agreement_[1] = mine == Status::diverged ? 1.0F : 0.0F;
    group_.all_reduce_mean(agreement_);
    if (agreement_[1] > 0) return Status::diverged;
    return agreement_[0] > 0 ? Status::stop : Status::proceed;
}

void store_network(const std::string& prefix, const FlatParameters& flat, const Adam& adam,
                   TensorFile& file) {
    file.tensors[prefix + ".values"] = flat.values();
    file.tensors[prefix + ".first_moment"] = adam.first_moment();
    file.tensors[prefix + ".second_moment"] = adam.second_moment();
}

void restore_network(const std::string& prefix, FlatParameters& flat, Adam& adam,
                     int64_t adam_steps, const TensorFile& file, const std::string& source) {
    const torch::NoGradGuard no_grad;
    flat.values().copy_(file.tensor(prefix + ".values", source));
    adam.restore(file.tensor(prefix + ".first_moment", source),
                 file.tensor(prefix + ".second_moment", source), adam_steps);
}

void GanRun::save() {
    const torch::Tensor members = renorm_state_.gather();
    save_timer_.saved();
    if (!is_writer()) return;
    progress_.critic_adam_steps = wgan_.critic_adam().steps();
    progress_.generator_adam_steps = wgan_.generator_adam().steps();
    TensorFile file;
    store_network("critic", wgan_.critic_parameters(), wgan_.critic_adam(), file);
    store_network("generator", wgan_.generator_parameters(), wgan_.generator_adam(), file);
    file.tensors["renorm_state_by_rank"] = members;
    file.tensors["loss_sums"] = wgan_.loss_sums();
    file.metadata["progress"] = encode_json(progress_).dump();
    checkpoint_.save(std::move(file));
}

void GanRun::restore(const TensorFile& file, const std::string& source) {
    progress_ = from_json_text<Progress>(file.text("progress", source));
    restore_network("critic", wgan_.critic_parameters(), wgan_.critic_adam(),
                    progress_.critic_adam_steps, file, source);
    restore_network("generator", wgan_.generator_parameters(), wgan_.generator_adam(),
                    progress_.generator_adam_steps, file, source);
    renorm_state_.unpack(file.tensor("renorm_state_by_rank", source)[group_.rank()]);
    wgan_.restore_loss_sums(file.tensor("loss_sums", source));
}

TaskOutput GanRun::output(Outcome outcome) const {
    TaskOutput output{.outcome = outcome};
    if (is_writer()) output.curve = progress_.curve;
    output.steps_done = iteration() - first_step_ / wgan_.steps_per_iteration();
    output.seconds_per_step = times_.median();
    return output;
}

// Divergence is a result: the task is finished, and resuming from a checkpoint would diverge again.
TaskOutput GanRun::diverged() const {
    if (is_writer()) remove_temporary_files();
    return output(Outcome::diverged);
}

void GanRun::remove_temporary_files() const {
    std::error_code ignored; // a remaining file only takes disk space
    for (const int64_t iteration : candidate_iterations_)
        std::filesystem::remove(paths_.candidate(key_, iteration), ignored);
    checkpoint_.remove();
}

// Chooses a candidate, publishes its weights together with the whole output of the task, which
// marks the task as finished, and removes temporary files.
TaskOutput GanRun::finish() {
    if (!is_writer()) return output(Outcome::done);
    const Candidate& chosen = choose(progress_.candidates, task_.gan.select);
    progress_.curve.push_back({chosen.iteration, "chosen", chosen.merit(task_.gan.select)});
    TaskOutput result = output(Outcome::done);
    FinishedTask finished{.task = key_, .curve = progress_.curve};
    finished.samples.push_back(paths_.artifact("samples", paths_.samples(key_, chosen.iteration)));
    for (const Candidate& candidate : progress_.candidates) {
        if (candidate.iteration == chosen.iteration) continue;
        finished.samples.push_back(
            paths_.artifact("samples", paths_.samples(key_, candidate.iteration)));
    }
    TensorFile weights = read_tensor_file(paths_.candidate(key_, chosen.iteration));
    weights.metadata["candidates"] = encode_json(progress_.candidates).dump();
    mark_finished(weights, finished);
    write_tensor_file(paths_.weights(key_), weights);
    remove_temporary_files();
    result.artifacts.push_back(paths_.artifact("weights", paths_.weights(key_)));
    std::ranges::copy(finished.samples, std::back_inserter(result.artifacts));
    return result;
}
} // namespace

TaskOutput train_gan(const GanTask& task, const std::string& task_key, const data::Dataset& data,
                     const TaskPaths& paths, gang::Group& group, Observer& observer,
                     const Compute& compute) {
    require(group.size() == task.ranks, "the gang has task.ranks members");
    if (const auto finished = finished_task(paths.weights(task_key), task_key)) {
        TaskOutput output;
        if (group.rank() != 0) return output;
        output.curve = finished->curve;
        output.artifacts.push_back(paths.artifact("weights", paths.weights(task_key)));
        std::ranges::copy(finished->samples, std::back_inserter(output.artifacts));
        return output;
    }
    return GanRun(task, task_key, data, paths, group, observer, compute).run();
}

} // namespace dagan::train
