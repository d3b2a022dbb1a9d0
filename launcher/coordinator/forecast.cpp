#include "launcher/coordinator/forecast.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "launcher/coordinator/coordinator.h"
#include "results/query/queries.h"
#include "spec/json.h"
#include "spec/network.h"
#include "sweeps/cost_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <queue>
#include <tuple>
#include <unordered_map>

namespace dagan::launcher {

double Rate::of(TaskKind kind) const {
    if (measured.empty()) return macs_per_s;
    if (const auto found = measured.find(to_string(kind)); found != measured.end())
        return found->second;
    double log_sum = 0;
    for (const auto& [other, rate] : measured) log_sum += std::log(rate);
    return std::exp(log_sum / static_cast<double>(measured.size()));
}

std::vector<double> expected_seconds(const Plan& plan, const Rate& rate) {
    std::vector<double> seconds;
    seconds.reserve(plan.tasks.size());
    for (const PlannedTask& task : plan.tasks) {
        const double parallel = ranks_of(task.spec) * threads_of(task.spec);
        seconds.push_back(sweeps::macs_of(task.spec, plan) /
                          (rate.of(kind_of(task.spec)) * parallel));
    }
    return seconds;
}

namespace {
struct Measured {
    TaskKind kind;
    double macs, thread_seconds;
};

// Returns the latest tasks that a single attempt ran completely. The cost of a DAGAN includes
// scoring by its selector, so macs_of() needs the selectors.
std::vector<Measured> whole_tasks(const results::Location& database, bool on_gpu) {
    Plan selectors;
    for (const auto& row :
         results::run_query(database, "SELECT key, spec FROM task WHERE kind = 'selector'").rows)
        selectors.tasks.push_back(
            {std::get<std::string>(row[0]), task_from_text(std::get<std::string>(row[1])), {}});
    const std::string attempts = fmt::format(
        "SELECT t.spec, a.steps, a.seconds FROM attempt a JOIN task t ON t.key = a.task "
        "WHERE a.outcome = 'done' AND a.steps > 0 AND a.seconds > 0 AND a.device {} 'cpu' "
        "ORDER BY a.token DESC LIMIT 2000",
        on_gpu ? "<>" : "=");
    std::vector<Measured> measured;
    for (const auto& row : results::run_query(database, attempts).rows) {
        const TaskSpec spec = task_from_text(std::get<std::string>(row[0]));
        if (std::get<int64_t>(row[1]) != sweeps::steps_of(spec)) continue;
        measured.push_back(
            {kind_of(spec), sweeps::macs_of(spec, selectors),
             std::get<double>(row[2]) * static_cast<double>(ranks_of(spec) * threads_of(spec))});
    }
    return measured;
}
} // namespace

Rate measured_rate(const results::Location& database, bool on_gpu) {
    Rate rate = calibrated_rate(on_gpu);
    const std::vector<Measured> tasks = whole_tasks(database, on_gpu);
    std::map<TaskKind, Measured> sums;
    for (const Measured& task : tasks) {
        Measured& sum = sums.emplace(task.kind, Measured{task.kind, 0, 0}).first->second;
        sum.macs += task.macs;
        sum.thread_seconds += task.thread_seconds;
    }
    for (const auto& [kind, sum] : sums)
        rate.measured[to_string(kind)] = sum.macs / sum.thread_seconds;
    if (tasks.empty()) return rate;
    // If log errors are normal, 90 % of the tasks lie within exp(1.64 sd) of the expected cost.
    double squares = 0;
    for (const Measured& task : tasks) {
        const double error =
            std::log(task.thread_seconds * rate.measured.at(to_string(task.kind)) / task.macs);
        squares += error * error;
    }
    rate.uncertainty =
        std::max(1.1, std::exp(1.64 * std::sqrt(squares / static_cast<double>(tasks.size()))));
    return rate;
}

namespace {
// The future end of one member of an attempt.
struct SimulatedEnd {
    double at_s;
    Ended message;
    bool operator>(const SimulatedEnd& other) const {
        return std::tie(at_s, message.result.attempt, message.position) >
               std::tie(other.at_s, other.message.result.attempt, other.message.position);
    }
};

// Stores nothing; only counts tokens.
class SimulatedStore final : public results::Store {
  public:
    void enter(const results::Campaign&, const Plan&) override {}
    std::vector<results::StoredTask> load() override { return {}; }
    results::StoredTask load_task(const std::string&) override { return {}; }
    bool is_current(const std::string&, int64_t) override { return true; }
    std::vector<results::PastAttempt> attempts_on_suspect_hosts() override { return {}; }
    int reopen_failed() override { return 0; }
    int64_t start_attempt(const std::string&, const std::string&, const std::string&,
                          int64_t) override {
        return ++token_;
    }
    bool finish_attempt(const TaskResult&, bool, bool) override { return true; }
    void refund_attempts(const std::string&) override {}
    void commit() override {}

  private:
    int64_t token_ = 0;
};

class SimulatedRanks final : public WorkerPool {
  public:
    SimulatedRanks(const Plan& plan, const std::vector<double>& seconds) {
        for (size_t i = 0; i < plan.tasks.size(); ++i) seconds_of_[plan.tasks[i].key] = seconds[i];
    }
    void assign(Rank, const Assign& assignment) override {
        const double duration = seconds_of_.at(assignment.task);
        work_s_ += duration;
        ends_.push(
            {now_s_ + duration,
             {assignment.position, {.task = assignment.task, .attempt = assignment.attempt}}});
    }
    void abandon(Rank, int64_t) override {}
    void stop_work() override {}
    void shut_down() override {}

    // Advances the clock to the next ends and reports them. Returns false if nothing runs.
    bool advance(Coordinator& coordinator) {
        if (ends_.empty()) return false;
        now_s_ = ends_.top().at_s;
        for (; !ends_.empty() && ends_.top().at_s <= now_s_; ends_.pop())
            coordinator.on_ended(ends_.top().message);
        return true;
    }
    double now_s() const { return now_s_; }
    double work_s() const { return work_s_; }

  private:
    std::unordered_map<std::string, double> seconds_of_;
    std::priority_queue<SimulatedEnd, std::vector<SimulatedEnd>, std::greater<>> ends_;
    double now_s_ = 0, work_s_ = 0;
};

double critical_path(const Plan& plan, const std::vector<double>& seconds) {
    std::vector<double> ends(plan.tasks.size(), 0);
    double longest = 0;
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
        for (const int need : plan.tasks[i].needs)
            ends[i] = std::max(ends[i], ends[static_cast<size_t>(need)]);
        ends[i] += seconds[i];
        longest = std::max(longest, ends[i]);
    }
    return longest;
}
} // namespace

Forecast simulate(const Plan& plan, const std::vector<double>& seconds,
                  Schedule::Resources resources) {
    const SilentLog silent;
    SimulatedStore store;
    SimulatedRanks ranks(plan, seconds);
    Coordinator coordinator(plan, seconds, resources, store, ranks,
                            [](const std::string&) { return 0; });
    do {
        coordinator.turn(ranks.now_s());
    } while (ranks.advance(coordinator));
    require(coordinator.over(), "a simulated campaign comes to its end");
    return {.makespan_s = ranks.now_s(),
            .rank_seconds = ranks.work_s(),
            .critical_path_s = critical_path(plan, seconds)};
}

SavedForecast make_forecast(const Plan& plan, const Resources& resources, int ranks, bool gpus,
                            const Rate& rate) {
    const Schedule::Resources slots{.ranks = ranks,
                                    .slots_per_rank = gpus ? 1 : resources.trainers_per_rank};
    return {.rate = rate,
            .forecast = simulate(plan, expected_seconds(plan, rate), slots),
            .ranks = ranks};
}

void keep_forecast(const std::filesystem::path& file, const SavedForecast& forecast) {
    if (!std::filesystem::exists(file))
        write_atomically(file, encode_json(forecast).dump(2) + "\n");
}

std::optional<SavedForecast> read_forecast(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file)) return std::nullopt;
    try {
        return from_json_text<SavedForecast>(read_file(file));
    } catch (const Error&) {
        return std::nullopt;
    }
}

namespace {
constexpr int64_t kBytesPerWeight = 4;
constexpr int64_t kResultBytes = 20'000; // database rows of one trial, with its curve

int64_t task_bytes(const GanTask& task) {
    const int64_t generator =
        generator_table(task.gan, task.dataset.channels, task.dataset.size).parameters();
    const int64_t critic =
        critic_table(task.gan, task.dataset.channels, task.dataset.size).parameters();
    // Two checkpoints, each with the weights and both moments of Adam.
    const int64_t resumable = 2 * 3 * (generator + critic);
    return (resumable +
            generator * (std::min<int64_t>(task.gan.checkpoints, task.gan.iterations) + 1)) *
           kBytesPerWeight;
}
int64_t task_bytes(const PoolTask& task) {
    const int64_t image = int64_t{task.dataset.channels} * task.dataset.size * task.dataset.size;
    return image * task.pool_size * task.samples_per_class * sweeps::classes_of_task(task);
}
int64_t task_bytes(const SelectorTask& task) {
    return classifier_table(task.classifier, task.dataset.channels, task.dataset.size,
                            sweeps::classes_of_task(task))
               .parameters() *
           kBytesPerWeight;
}
int64_t task_bytes(const ClassifierTask&) { return kResultBytes; }
} // namespace

int64_t disk_bytes(const Plan& plan) {
    int64_t bytes = 0;
    for (const PlannedTask& task : plan.tasks) {
        bytes += std::visit([](const auto& spec) { return task_bytes(spec); }, task.spec);
    }
    return bytes;
}

} // namespace dagan::launcher
