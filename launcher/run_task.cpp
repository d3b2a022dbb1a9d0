#include "launcher/run_task.h"

#include "base/error.h"
#include "base/log.h"
#include "cluster/group_through_agent.h"

#include <fmt/format.h>

#include <chrono>
#include <new>

namespace dagan {

namespace {
using Clock = std::chrono::steady_clock;

// Tells the agent how far the task is, several times a second at most, and listens for a stop request.
class LinkObserver : public Observer {
  public:
    LinkObserver(TrainerLink& link, const Assign& assignment) : link_(link), progress_{assignment.task, assignment.attempt, 0, 0} {}

    bool stop_requested() override {
        while (const auto text = link_.receive()) {
            require(std::holds_alternative<StopWork>(decode_message(*text)), "a working trainer is told to stop and nothing else");
            stop_ = true;
        }
        if (link_.closed()) throw system_error("the agent is gone");
        speak();
        return stop_;
    }
    void progress(int64_t step, int64_t steps) override {
        progress_.step = step;
        progress_.steps = steps;
        speak();
    }

  private:
    void speak() {
        constexpr auto kPause = std::chrono::milliseconds(250);
        if (Clock::now() - spoke_ < kPause) return;
        spoke_ = Clock::now();
        link_.send(encode(progress_));
    }

    TrainerLink& link_;
    Progress progress_;
    Clock::time_point spoke_{};
    bool stop_ = false;
};

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
    } catch (const GangBroken& broken) {
        failed(Outcome::interrupted, broken.what());
    } catch (const Error& error) {
        failed(outcome_of(error.blame()), error.what());
    } catch (const std::bad_alloc&) {
        failed(Outcome::out_of_memory, "out of memory");
    } catch (const std::exception& error) {
        failed(Outcome::bug, error.what());
    }
}
} // namespace

TaskResult TaskRunner::run(const Assign& assignment) {
    TaskResult result{.task = assignment.task, .attempt = assignment.attempt};
    const auto began = Clock::now();
    guarded(result, [&] {
        const TaskSpec spec = task_from_text(assignment.spec);
        log_info("{} (attempt {}) begins", label_of(spec), assignment.attempt);
        LinkObserver observer(link_, assignment);
        TaskOutput output = execute(spec, assignment, observer);
        result.outcome = output.outcome;
        result.score = output.score;
        result.curve = std::move(output.curve);
        result.artifacts = std::move(output.artifacts);
        result.cost.steps = output.steps_done;
        result.cost.seconds_per_step = output.seconds_per_step;
    });
    result.cost.device = "cpu";
    result.cost.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    log_info("attempt {} ends: {}{}{}", assignment.attempt, to_string(result.outcome), result.error.empty() ? "" : ": ", result.error);
    return result;
}

TaskOutput TaskRunner::execute(const TaskSpec& spec, const Assign& assignment, Observer& observer) {
    const Dataset& data = data_for(dataset_of(spec));
    const std::string& key = assignment.task;
    if (const auto* task = std::get_if<SelectorTask>(&spec)) return train_selector(*task, key, data, place_, observer);
    if (const auto* task = std::get_if<PoolTask>(&spec)) return make_pool(*task, key, data, place_, observer);
    if (const auto* task = std::get_if<ClassifierTask>(&spec)) return train_classifier(*task, key, data, place_, observer);
    const auto members = static_cast<int>(assignment.members.size());
    const auto group = members == 1 ? make_group_alone() : make_group_through_agent(link_, memory_, assignment.position, members);
    return train_gan(std::get<GanTask>(spec), key, data, place_, *group, observer);
}

// The data set stays loaded for the next task, which most often needs the same.
const Dataset& TaskRunner::data_for(const DatasetRef& ref) {
    if (loaded_ != ref.options.file || !data_) {
        data_.reset();
        data_ = Dataset::open(data_folder_ / ref.options.file);
        loaded_ = ref.options.file;
    }
    if (data_->info().sha256 != ref.sha256) {
        throw input_error(fmt::format("{}: is not the data set that this campaign began with: sha256 {} there, {} then; hint: put the old file back, "
                                      "or begin a new campaign",
                                      (data_folder_ / ref.options.file).string(), data_->info().sha256, ref.sha256));
    }
    return *data_;
}

} // namespace dagan
