#include "launcher/forecast.h"

#include "base/error.h"
#include "spec/network.h"
#include "sweeps/cost_model.h"

#include <algorithm>
#include <queue>

namespace dagan {

std::vector<double> expected_seconds(const Plan& plan, const Rate& rate) {
    std::vector<double> seconds;
    seconds.reserve(plan.tasks.size());
    for (const PlannedTask& task : plan.tasks) {
        const double parallel = ranks_of(task.spec) * threads_of(task.spec);
        seconds.push_back(macs_of(task.spec, plan) / (rate.macs_per_s * parallel));
    }
    return seconds;
}

namespace {
struct SimulatedEnd {
    double at_s;
    TaskIndex task;
    bool operator>(const SimulatedEnd& other) const { return at_s != other.at_s ? at_s > other.at_s : task > other.task; }
};

double critical_path(const Plan& plan, const std::vector<double>& seconds) {
    std::vector<double> ends(plan.tasks.size(), 0);
    double longest = 0;
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
        for (const int need : plan.tasks[i].needs) ends[i] = std::max(ends[i], ends[static_cast<size_t>(need)]);
        ends[i] += seconds[i];
        longest = std::max(longest, ends[i]);
    }
    return longest;
}
} // namespace

Forecast simulate(const Plan& plan, const std::vector<double>& seconds, Schedule::Resources resources) {
    Schedule schedule(plan, seconds, resources);
    std::priority_queue<SimulatedEnd, std::vector<SimulatedEnd>, std::greater<>> ends;
    Forecast forecast{.critical_path_s = critical_path(plan, seconds)};
    double now_s = 0;
    for (;;) {
        for (const Start& start : schedule.fill()) {
            const double duration = seconds[static_cast<size_t>(start.task)];
            forecast.rank_seconds += duration * static_cast<double>(start.ranks.size());
            ends.push({now_s + duration, start.task});
        }
        if (ends.empty()) break;
        now_s = ends.top().at_s;
        while (!ends.empty() && ends.top().at_s <= now_s) {
            schedule.on_ended(ends.top().task, Outcome::done, "", false);
            ends.pop();
        }
    }
    require(schedule.counts().all_ended(), "a simulated campaign comes to its end");
    forecast.makespan_s = now_s;
    return forecast;
}

namespace {
constexpr int64_t kBytesPerWeight = 4;
constexpr int64_t kResultBytes = 20'000; // of one trial, with its curve, in the database

int64_t task_bytes(const GanTask& task) {
    const int64_t generator = generator_table(task.gan, task.dataset.channels, task.dataset.size).parameters();
    const int64_t critic = critic_table(task.gan, task.dataset.channels, task.dataset.size).parameters();
    const int64_t resumable = 2 * 3 * (generator + critic); // two checkpoints of weights and both moments
    return (resumable + generator * (std::min<int64_t>(task.gan.checkpoints, task.gan.iterations) + 1)) * kBytesPerWeight;
}
int64_t task_bytes(const PoolTask& task) {
    const int64_t image = int64_t{task.dataset.channels} * task.dataset.size * task.dataset.size;
    return image * task.pool_size * task.samples_per_class * classes_of_task(task);
}
int64_t task_bytes(const SelectorTask& task) {
    return classifier_table(task.classifier, task.dataset.channels, task.dataset.size, classes_of_task(task)).parameters() *
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

} // namespace dagan
