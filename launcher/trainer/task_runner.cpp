#include "launcher/trainer/task_runner.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "cluster/gang/group_through_agent.h"

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

// Tells the agent how far the task is and how long its steps take, several times a second at most, and listens for a stop
// request. A step is what lies between two calls: batches of training, of validation, of generation.
class LinkObserver : public train::Observer {
  public:
    LinkObserver(cluster::TrainerLink& link, const Assign& assignment)
        : link_(link), progress_{assignment.task, assignment.attempt, 0, 0, 0} {}

    bool stop_requested() override {
        measure_step();
        while (const auto text = link_.receive()) {
            require(std::holds_alternative<StopWork>(decode_message(*text)),
                    "a working trainer is told to stop and nothing else");
            stop_ = true;
        }
        if (link_.closed()) throw system_error("the agent is gone");
        speak();
        return stop_;
    }
    void progress(int64_t step, int64_t steps) override {
        measure_step();
        progress_.step = step;
        progress_.steps = steps;
        speak();
    }

  private:
    void measure_step() {
        const auto worked =
            Clock::now() -
            link_.time_reducing(); // waiting for the gang's other members is not work
        if (looked_)
            progress_.longest_step_s = std::max(
                progress_.longest_step_s, std::chrono::duration<double>(worked - *looked_).count());
        looked_ = worked;
    }
    void speak() {
        constexpr auto kPause = std::chrono::milliseconds(250);
        if (Clock::now() - spoke_ < kPause) return;
        spoke_ = Clock::now();
        link_.send(encode(progress_));
    }

    cluster::TrainerLink& link_;
    Progress progress_;
    Clock::time_point spoke_{};
    std::optional<Clock::time_point> looked_;
    bool stop_ = false;
};

// A task would not fit beside the others on its GPU.
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

// Runs `work` and turns whatever it throws into the outcome and error of `result`.
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
        failed(Outcome::out_of_memory, error.what_without_backtrace()); // has the sizes
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
        log_info("{} (attempt {}) begins", label_of(spec), assignment.attempt);
        fault_point(FaultPoint::task_begin);
        LinkObserver observer(link_, assignment);
        const auto group = group_for(assignment);
        require_gpu_memory(spec);
        train::TaskOutput output = run_task(spec, assignment.task, data_for(dataset_of(spec)),
                                            place_, *group, observer, compute_);
        note_gpu_memory(spec);
        result.outcome = output.outcome;
        result.score = output.score;
        result.curve = std::move(output.curve);
        result.artifacts = std::move(output.artifacts);
        result.cost.steps = output.steps_done;
        result.cost.seconds_per_step = output.seconds_per_step;
        fault_point(FaultPoint::task_end);
    });
    result.cost.device = compute_.name();
    const bool well = result.outcome == Outcome::done || result.outcome == Outcome::diverged ||
                      (result.outcome == Outcome::interrupted && result.error.empty());
    worn_out_ = compute_.gpu != nullptr && !well && result.outcome != Outcome::out_of_memory;
    result.cost.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    log_info("attempt {} ends: {}{}{}", assignment.attempt, to_string(result.outcome),
             result.error.empty() ? "" : ": ", result.error);
    return result;
}

train::TaskOutput run_task(const TaskSpec& spec, const std::string& key, const data::Dataset& data,
                           const train::TaskPaths& place, gang::Group& group,
                           train::Observer& observer, const train::Compute& compute) {
    if (const auto* task = std::get_if<SelectorTask>(&spec))
        return train::train_selector(*task, key, data, place, observer, compute);
    if (const auto* task = std::get_if<GanTask>(&spec))
        return train::train_gan(*task, key, data, place, group, observer, compute);
    if (const auto* task = std::get_if<PoolTask>(&spec))
        return train::make_pool(*task, key, data, place, observer, compute);
    return train::train_classifier(std::get<ClassifierTask>(spec), key, data, place, observer,
                                   compute);
}

// What such a task took before must be free: better to be told so than to fail in the middle. The first of a kind is measured.
void TaskRunner::require_gpu_memory(const TaskSpec& spec) {
    if (compute_.gpu == nullptr) return;
    compute_.gpu->forget();
    const auto known = gpu_bytes_.find(memory_class(spec));
    const train::Gpu::Memory memory = compute_.gpu->memory();
    if (known == gpu_bytes_.end() || known->second <= memory.free_bytes) return;
    throw GpuTooFull(fmt::format(
        "GPU memory: {} takes {:.2f} GiB, {:.2f} of {:.2f} GiB are free; hint: lower "
        "resources.trainers_per_rank",
        label_of(spec), gib(known->second), gib(memory.free_bytes), gib(memory.total_bytes)));
}

void TaskRunner::note_gpu_memory(const TaskSpec& spec) {
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

// The data set stays loaded for the next task, which most often needs the same.
const data::Dataset& TaskRunner::data_for(const DatasetRef& ref) {
    if (!data_ || data_->info().sha256 != ref.sha256) {
        data_.reset(); // two sets at once might not fit
        data_ = open_data_of(ref, data_folder_);
    }
    return *data_;
}

data::Dataset open_data_of(const DatasetRef& ref, const std::filesystem::path& data_folder) {
    data::Dataset data = data::Dataset::open(data_folder / ref.options.file);
    if (data.info().sha256 != ref.sha256) {
        throw input_error(fmt::format("{}: is not the data set that this campaign began with: "
                                      "sha256 {} now, {} then; hint: put the old file back, "
                                      "or begin a new campaign",
                                      (data_folder / ref.options.file).string(), data.info().sha256,
                                      ref.sha256));
    }
    return data;
}

} // namespace dagan::launcher
