#include "launcher/trainer/task_runner.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "cluster/gang/group_through_agent.h"
#include "launcher/campaign/attempt_tag.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <stdexcept>

namespace dagan::launcher {

namespace {
using Clock = std::chrono::steady_clock;

// Reports progress and the longest step to the agent, at most four times a second, and receives its
// stop request. A step is the time between two calls: a batch of training, validation or
// generation.
class LinkObserver : public train::Observer {
  public:
    LinkObserver(cluster::TrainerLink& link, const Assign& assignment)
        : link_(link), progress_{assignment.task, assignment.attempt, 0, 0, 0} {}

    bool stop_requested() override {
        measure_step();
        while (const auto text = link_.receive()) {
            require(std::holds_alternative<StopWork>(decode_message(*text)),
                    "a working trainer receives only stop requests");
            stop_ = true;
        }
        if (link_.closed()) throw system_error("the agent is gone");
        send_progress();
        return stop_;
    }
    void progress(int64_t step, int64_t steps) override {
        measure_step();
        progress_.step = step;
        progress_.steps = steps;
        send_progress();
    }

  private:
    void measure_step() {
        // Time spent waiting for the other members of the gang does not count.
        const auto worked = Clock::now() - link_.time_reducing();
        if (last_)
            progress_.longest_step_s = std::max(
                progress_.longest_step_s, std::chrono::duration<double>(worked - *last_).count());
        last_ = worked;
    }
    void send_progress() {
        constexpr auto kPause = std::chrono::milliseconds(250);
        if (Clock::now() - sent_ < kPause) return;
        sent_ = Clock::now();
        link_.send(encode(progress_));
    }

    cluster::TrainerLink& link_;
    Progress progress_;
    Clock::time_point sent_{};
    std::optional<Clock::time_point> last_;
    bool stop_ = false;
};

// The free memory of the GPU is too small for a task.
struct GpuTooFull : std::runtime_error {
    using std::runtime_error::runtime_error;
};

double gib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

std::string memory_class(const TaskSpec& spec) {
    return to_string(kind_of(spec)) + " " + dataset_of(spec).name;
}

Outcome outcome_of(Blame blame) {
    switch (blame) {
    case Blame::input: return Outcome::input_error;
    case Blame::system: return Outcome::system_error;
    case Blame::bug: return Outcome::bug;
    }
    return Outcome::bug;
}

// Runs `work` and maps an exception to the outcome and error of `result` (table in task_runner.h).
template <class Work> void guarded(TaskResult& result, Work work) {
    const auto failed = [&](Outcome outcome, const char* what) {
        result.outcome = outcome;
        result.error = what;
    };
    try {
        work();
    } catch (const gang::GangBroken& broken) {
        failed(Outcome::interrupted, broken.what());
    } catch (const Error& error) {
        failed(outcome_of(error.blame()), error.what());
    } catch (const std::bad_alloc&) {
        failed(Outcome::out_of_memory, "out of memory");
    } catch (const c10::OutOfMemoryError& error) {
        failed(Outcome::out_of_memory, error.what_without_backtrace());
    } catch (const GpuTooFull& error) {
        failed(Outcome::out_of_memory, error.what());
    } catch (const c10::AcceleratorError& error) {
        failed(Outcome::system_error, error.what_without_backtrace());
    } catch (const std::exception& error) {
        failed(Outcome::bug, error.what());
    }
}
} // namespace

TaskResult TaskRunner::run(const Assign& assignment) {
    TaskResult result{.task = assignment.task, .attempt = assignment.attempt};
    const auto began = Clock::now();
    guarded(result, [&] {
        const TaskSpec& spec = assignment.spec;
        log_info("{} (attempt {}) begins {}", label_of(spec), assignment.attempt,
                 attempt_tag(assignment.task, assignment.attempt));
        fault_point(FaultPoint::task_begin);
        LinkObserver observer(link_, assignment);
        const auto group = group_for(assignment);
        require_gpu_memory(spec);
        train::TaskOutput output = run_task(spec, assignment.task, data_for(dataset_of(spec)),
                                            paths_, *group, observer, compute_);
        record_gpu_memory(spec);
        result.outcome = output.outcome;
        result.score = output.score;
        result.curve = std::move(output.curve);
        result.artifacts = std::move(output.artifacts);
        result.cost.steps = output.steps_done;
        result.cost.seconds_per_step = output.seconds_per_step;
        fault_point(FaultPoint::task_end);
    });
    result.cost.device = compute_.name();
    const bool in_order = is_finished(result.outcome) ||
                          (result.outcome == Outcome::interrupted && result.error.empty());
    must_restart_ =
        compute_.gpu != nullptr && !in_order && result.outcome != Outcome::out_of_memory;
    result.cost.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    log_info("attempt {} ends: {} {}{}{}", assignment.attempt, to_string(result.outcome),
             attempt_tag(assignment.task, assignment.attempt), result.error.empty() ? "" : ": ",
             result.error);
    return result;
}

train::TaskOutput run_task(const TaskSpec& spec, const std::string& key, const data::Dataset& data,
                           const train::TaskPaths& paths, gang::Group& group,
                           train::Observer& observer, const train::Compute& compute) {
    if (const auto* task = std::get_if<SelectorTask>(&spec))
        return train::train_selector(*task, key, data, paths, observer, compute);
    if (const auto* task = std::get_if<GanTask>(&spec))
        return train::train_gan(*task, key, data, paths, group, observer, compute);
    if (const auto* task = std::get_if<PoolTask>(&spec))
        return train::make_pool(*task, key, data, paths, observer, compute);
    return train::train_classifier(std::get<ClassifierTask>(spec), key, data, paths, observer,
                                   compute);
}

// Requires that the peak of earlier tasks of this kind is free, so that a task fails at its
// beginning rather than halfway. The first task of a kind is measured.
void TaskRunner::require_gpu_memory(const TaskSpec& spec) {
    if (compute_.gpu == nullptr) return;
    compute_.gpu->reset_memory();
    const auto known = gpu_bytes_.find(memory_class(spec));
    const train::Gpu::Memory memory = compute_.gpu->memory();
    if (known == gpu_bytes_.end() || known->second <= memory.free_bytes) return;
    throw GpuTooFull(fmt::format(
        "GPU memory: {} takes {:.2f} GiB, {:.2f} of {:.2f} GiB are free; hint: lower "
        "resources.trainers_per_rank",
        label_of(spec), gib(known->second), gib(memory.free_bytes), gib(memory.total_bytes)));
}

void TaskRunner::record_gpu_memory(const TaskSpec& spec) {
    if (compute_.gpu == nullptr) return;
    int64_t& most = gpu_bytes_[memory_class(spec)];
    const int64_t peak = compute_.gpu->memory().peak_bytes;
    if (most == 0) log_info("{} took {:.2f} GiB of GPU memory", label_of(spec), gib(peak));
    most = std::max(most, peak);
}

std::unique_ptr<gang::Group> TaskRunner::group_for(const Assign& assignment) {
    const auto members = static_cast<int>(assignment.members.size());
    return members == 1
               ? gang::make_group_alone()
               : cluster::make_group_through_agent(link_, memory_, assignment.position, members);
}

// Keeps the data set loaded, since the next task usually needs the same.
const data::Dataset& TaskRunner::data_for(const DatasetRef& ref) {
    if (!data_ || data_->info().sha256 != ref.sha256) {
        data_.reset(); // two data sets may not fit in memory
        data_ = open_data_of(ref, data_folder_);
    }
    return *data_;
}

data::Dataset open_data_of(const DatasetRef& ref, const std::filesystem::path& data_folder) {
    data::Dataset data = data::Dataset::open(data_folder / ref.options.file);
    if (data.info().sha256 != ref.sha256) {
        throw input_error(fmt::format("{}: is not the data set that this campaign began with: "
                                      "sha256 {} now, {} then; hint: put the old file back, or "
                                      "begin a new campaign",
                                      (data_folder / ref.options.file).string(), data.info().sha256,
                                      ref.sha256));
    }
    return data;
}

} // namespace dagan::launcher
