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
constexpr int64_t kLogPoints = 200; // of each training curve

// The classes that train the DAGAN.
std::vector<int> training_classes(const GanTask& task, const data::Dataset& data) {
    std::vector<int> classes =
        data::classes_of(task.dataset, data.info().classes, data::Domain::source);
    const auto limit = static_cast<size_t>(task.gan.limit_classes);
    if (limit > 0 && limit < classes.size()) classes.resize(limit);
    return classes;
}

// The part of the state that is the same on all members and is no tensor.
struct Progress {
    int64_t steps = 0;     // of the whole run: critic and generator steps
    int64_t evaluated = 0; // iteration of the last candidate
    int64_t critic_adam_steps = 0, generator_adam_steps = 0;
    std::vector<Candidate> candidates; // position 0
    std::vector<CurvePoint> curve;     // position 0

    DAGAN_FIELDS(steps, evaluated, critic_adam_steps, generator_adam_steps, candidates, curve)
};

class GanRun {
  public:
    GanRun(const GanTask& task, const std::string& key, const data::Dataset& data,
           const TaskPaths& place, gang::Group& group, Observer& observer, const Compute& compute);
    TaskOutput run();

  private:
    enum class Verdict { go_on, stop, diverged };

    bool writes() const { return group_.rank() == 0; }
    int64_t iteration() const { return progress_.steps / wgan_.steps_per_iteration(); }
    int64_t total_steps() const { return task_.gan.iterations * wgan_.steps_per_iteration(); }
    bool at_iteration_end() const { return progress_.steps % wgan_.steps_per_iteration() == 0; }
    bool candidate_due() const;

    void resume();
    void check_same_start();
    void restore(const TensorFile& file, const std::string& place);
    void save();
    Votes train_step();
    Verdict end_iteration();
    Verdict evaluate_candidate();
    Verdict judge_candidate();
    Verdict agree(Verdict mine);
    TaskOutput output(Outcome outcome) const;
    TaskOutput diverged() const;
    TaskOutput finish();
    void tidy_up() const;

    const GanTask& task_;
    const std::string& key_;
    const TaskPaths& place_;
    gang::Group& group_;
    Observer& observer_;
    ImageShape shape_;
    std::unique_ptr<gang::Group>
        device_group_; // reduces gradients on GPUs; all else the gang agrees on goes through group_
    WganGp wgan_;
    MemberState renorm_state_;
    CheckpointFile checkpoint_;
    std::optional<CandidateJudge> judge_; // position 0
    std::vector<int64_t> candidate_iterations_;
    std::span<float> agreement_; // {stop, diverged} or the step from which a member starts
    Progress progress_;
    int64_t first_step_ = 0; // of this attempt
    StepTimes times_;        // of whole iterations
    bool timing_ = false;
    SaveTimer save_timer_;
};

GanRun::GanRun(const GanTask& task, const std::string& key, const data::Dataset& data,
               const TaskPaths& place, gang::Group& group, Observer& observer,
               const Compute& compute)
    : task_(task), key_(key), place_(place), group_(group), observer_(observer),
      shape_(shape_of(data)),
      device_group_(make_device_group(compute, group, [&observer] { observer.stop_requested(); })),
      wgan_(task.gan, task.stream, data, training_classes(task, data),
            device_group_ ? *device_group_ : group, 1, compute),
      renorm_state_(wgan_.generator(), group),
      checkpoint_(place.checkpoint(key), ResumeFacts::here(key, group.size(), compute.name())),
      candidate_iterations_(candidate_iterations(task.gan.iterations, task.gan.checkpoints)),
      agreement_(group.allocate(2)), save_timer_(place.checkpoint_every) {
    require(total_steps() < int64_t{UINT32_MAX},
            "a step's number fits into the random streams' counter");
    require(task.gan.renorm_sync > 0, "renorm_sync is a number of iterations");
    if (writes()) judge_.emplace(task, data, place, compute.device);
}

TaskOutput GanRun::run() {
    resume();
    for (;;) {
        if (candidate_due()) {
            const Verdict verdict = evaluate_candidate();
            if (verdict == Verdict::diverged) return diverged();
            if (verdict == Verdict::stop) {
                save();
                return output(Outcome::interrupted);
            }
        }
        if (progress_.steps == total_steps()) return finish();
        const Votes agreed = train_step();
        if (at_iteration_end() && end_iteration() == Verdict::diverged) return diverged();
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
    check_same_start();
    observer_.progress(iteration(), task_.gan.iterations);
}

// All members read the same file, but a network file system may show them different ones.
void GanRun::check_same_start() {
    agreement_[0] = static_cast<float>(progress_.steps & 0xFFFF);
    agreement_[1] = static_cast<float>(progress_.steps >> 16);
    const int64_t mine = progress_.steps;
    group_.all_reduce_mean(agreement_);
    const bool same = agreement_[0] == static_cast<float>(mine & 0xFFFF) &&
                      agreement_[1] == static_cast<float>(mine >> 16);
    if (!same)
        throw system_error(
            checkpoint_.path().string() +
            ": the members of the gang see different checkpoints; is the folder shared?");
}

Votes GanRun::train_step() {
    const bool first_of_iteration = at_iteration_end();
    if (first_of_iteration) times_.start();
    timing_ =
        timing_ || first_of_iteration; // an iteration that was resumed in its middle is not timed
    const Votes mine{.stop = observer_.stop_requested(), .save = writes() && save_timer_.due()};
    const Votes agreed = wgan_.step(static_cast<uint32_t>(progress_.steps), mine);
    ++progress_.steps;
    return agreed;
}

// What happens between iterations, at fixed ones, so that every member does it.
GanRun::Verdict GanRun::end_iteration() {
    if (iteration() % task_.gan.renorm_sync == 0) renorm_state_.average();
    if (timing_) times_.stop();
    observer_.progress(iteration(), task_.gan.iterations);
    const int64_t log_every = std::max<int64_t>(1, task_.gan.iterations / kLogPoints);
    if (iteration() % log_every != 0 && progress_.steps != total_steps()) return Verdict::go_on;
    const GanLosses losses = wgan_.take_losses();
    if (writes()) {
        progress_.curve.push_back({iteration(), "critic_loss", losses.critic_loss});
        progress_.curve.push_back({iteration(), "wasserstein", losses.wasserstein});
        progress_.curve.push_back({iteration(), "penalty", losses.penalty});
        progress_.curve.push_back({iteration(), "generator_loss", losses.generator_loss});
    }
    return losses.finite() ? Verdict::go_on : Verdict::diverged;
}

// Position 0 judges with the gang's mean renorm state, which is then put back; the others wait for its verdict.
GanRun::Verdict GanRun::evaluate_candidate() {
    const torch::Tensor own = renorm_state_.pack();
    renorm_state_.average();
    const Verdict verdict = agree(writes() ? judge_candidate() : Verdict::go_on);
    renorm_state_.unpack(own);
    if (verdict != Verdict::stop) progress_.evaluated = iteration();
    return verdict;
}

GanRun::Verdict GanRun::judge_candidate() {
    const auto candidate = judge_->judge(wgan_.generator(), wgan_.critic(), iteration(), observer_);
    if (!candidate) return Verdict::stop;
    if (!candidate->finite()) return Verdict::diverged;
    TensorFile file = generator_file(wgan_.generator(), task_.gan, shape_);
    file.metadata["task"] = key_;
    file.metadata["candidate"] = encode_json(*candidate).dump();
    write_tensor_file(place_.candidate(key_, iteration()), file);
    judge_->write_sheet(wgan_.generator(), place_.samples(key_, iteration()));
    std::ranges::copy(candidate->curve(), std::back_inserter(progress_.curve));
    progress_.candidates.push_back(*candidate);
    return Verdict::go_on;
}

GanRun::Verdict GanRun::agree(Verdict mine) {
    agreement_[0] = mine == Verdict::stop ? 1.0F : 0.0F;
    agreement_[1] = mine == Verdict::diverged ? 1.0F : 0.0F;
    group_.all_reduce_mean(agreement_);
    if (agreement_[1] > 0) return Verdict::diverged;
    return agreement_[0] > 0 ? Verdict::stop : Verdict::go_on;
}

void store_network(const std::string& prefix, const FlatParameters& flat, const Adam& adam,
                   TensorFile& file) {
    file.tensors[prefix + ".values"] = flat.values();
    file.tensors[prefix + ".first_moment"] = adam.first_moment();
    file.tensors[prefix + ".second_moment"] = adam.second_moment();
}

void restore_network(const std::string& prefix, FlatParameters& flat, Adam& adam,
                     int64_t adam_steps, const TensorFile& file, const std::string& place) {
    const torch::NoGradGuard no_grad;
    flat.values().copy_(file.tensor(prefix + ".values", place));
    adam.restore(file.tensor(prefix + ".first_moment", place),
                 file.tensor(prefix + ".second_moment", place), adam_steps);
}

void GanRun::save() {
    const torch::Tensor members = renorm_state_.gather();
    save_timer_.saved();
    if (!writes()) return;
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

void GanRun::restore(const TensorFile& file, const std::string& place) {
    progress_ = from_json_text<Progress>(file.text("progress", place));
    restore_network("critic", wgan_.critic_parameters(), wgan_.critic_adam(),
                    progress_.critic_adam_steps, file, place);
    restore_network("generator", wgan_.generator_parameters(), wgan_.generator_adam(),
                    progress_.generator_adam_steps, file, place);
    renorm_state_.unpack(file.tensor("renorm_state_by_rank", place)[group_.rank()]);
    wgan_.restore_loss_sums(file.tensor("loss_sums", place));
}

TaskOutput GanRun::output(Outcome outcome) const {
    TaskOutput output{.outcome = outcome};
    if (writes()) output.curve = progress_.curve;
    output.steps_done = iteration() - first_step_ / wgan_.steps_per_iteration();
    output.seconds_per_step = times_.median();
    return output;
}

// A result like another: the task is over, and going on from a checkpoint would end here again.
TaskOutput GanRun::diverged() const {
    if (writes()) tidy_up();
    return output(Outcome::diverged);
}

void GanRun::tidy_up() const {
    std::error_code ignored; // what is left behind costs disk, nothing else
    for (const int64_t iteration : candidate_iterations_)
        std::filesystem::remove(place_.candidate(key_, iteration), ignored);
    checkpoint_.remove();
}

// Chooses, publishes the chosen weights with the task's whole output (the mark that it is finished), then tidies up.
TaskOutput GanRun::finish() {
    if (!writes()) return output(Outcome::done);
    const Candidate& chosen = choose(progress_.candidates, task_.gan.select);
    progress_.curve.push_back({chosen.iteration, "chosen", chosen.merit(task_.gan.select)});
    TaskOutput result = output(Outcome::done);
    FinishedTask finished{.task = key_, .curve = progress_.curve};
    finished.samples.push_back(place_.artifact("samples", place_.samples(key_, chosen.iteration)));
    for (const Candidate& candidate : progress_.candidates) {
        if (candidate.iteration == chosen.iteration) continue;
        finished.samples.push_back(
            place_.artifact("samples", place_.samples(key_, candidate.iteration)));
    }
    TensorFile weights = read_tensor_file(place_.candidate(key_, chosen.iteration));
    weights.metadata["candidates"] = encode_json(progress_.candidates).dump();
    mark_finished(weights, finished);
    write_tensor_file(place_.weights(key_), weights);
    tidy_up();
    result.artifacts.push_back(place_.artifact("weights", place_.weights(key_)));
    std::ranges::copy(finished.samples, std::back_inserter(result.artifacts));
    return result;
}
} // namespace

TaskOutput train_gan(const GanTask& task, const std::string& task_key, const data::Dataset& data,
                     const TaskPaths& place, gang::Group& group, Observer& observer,
                     const Compute& compute) {
    require(group.size() == task.ranks, "the gang has as many members as the task asks for");
    if (const auto finished = finished_task(place.weights(task_key), task_key)) {
        TaskOutput output;
        if (group.rank() != 0) return output;
        output.curve = finished->curve;
        output.artifacts.push_back(place.artifact("weights", place.weights(task_key)));
        std::ranges::copy(finished->samples, std::back_inserter(output.artifacts));
        return output;
    }
    return GanRun(task, task_key, data, place, group, observer, compute).run();
}

} // namespace dagan::train
