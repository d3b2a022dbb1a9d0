#include "launcher/campaign/task_history.h"

#include "base/error.h"
#include "base/file.h"
#include "launcher/campaign/attempt_tag.h"
#include "launcher/campaign/campaign_status.h"
#include "results/query/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

namespace dagan::launcher {

namespace fs = std::filesystem;

TaskHistory history_of(const results::StoredTask& task, std::optional<LostAttempt> lost) {
    TaskHistory history{
        .ended = task.ended, .error = task.error, .charged = task.charged, .lost = task.lost};
    if (!lost) return history;
    history.error = "the whole MPI job died while it ran";
    history.charged -= lost->progressed;
    history.lost += !lost->progressed;
    history.last_lost = !lost->progressed;
    return history;
}

namespace {
std::string text_of(const results::Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? "" : *text;
}
int64_t number_of(const results::Value& value) {
    const auto* number = std::get_if<int64_t>(&value);
    return number == nullptr ? 0 : *number;
}
double seconds_of(const results::Value& value) {
    const auto* seconds = std::get_if<double>(&value);
    return seconds == nullptr ? 0 : *seconds;
}

void read_attempts(const results::Location& database,
                   const std::unordered_map<std::string, TaskIndex>& index_of,
                   IndexVector<TaskIndex, std::vector<AttemptRecord>>& attempts) {
    const results::Table table =
        results::run_query(database, "SELECT task, token, ranks, host, started, ended, outcome, "
                                     "error, final, charged, seconds FROM attempt ORDER BY token");
    for (const auto& row : table.rows) {
        const auto found = index_of.find(text_of(row[0]));
        if (found == index_of.end()) continue;
        attempts[found->second].push_back({.token = number_of(row[1]),
                                           .ranks = text_of(row[2]),
                                           .host = text_of(row[3]),
                                           .started = text_of(row[4]),
                                           .ended = text_of(row[5]),
                                           .outcome = text_of(row[6]),
                                           .error = text_of(row[7]),
                                           .final = number_of(row[8]) != 0,
                                           .charged = number_of(row[9]) != 0,
                                           .seconds = seconds_of(row[10])});
    }
}

// A server's database has the campaign's tables once an MPI job has begun. Before, it may hold the
// tables of another campaign.
bool has_begun(const CampaignFolder& folder) {
    const auto allocations = folder.allocations();
    return std::any_of(
        allocations.begin(), allocations.end(),
        [](const CampaignFolder& allocation) { return fs::exists(allocation.status()); });
}

// Makes the record that results::Store::load() returns for a task with these attempts.
results::StoredTask stored_task(const std::string& key,
                                const std::vector<AttemptRecord>& attempts) {
    results::StoredTask task;
    task.task = key;
    for (const AttemptRecord& attempt : attempts) {
        const auto outcome = enum_from<Outcome>(attempt.outcome);
        ++task.attempts;
        task.charged += attempt.charged;
        task.lost += attempt.charged && outcome == Outcome::lost;
        task.error = attempt.error;
        if (attempt.final) task.ended = outcome;
        task.open_attempt = outcome ? 0 : attempt.token;
    }
    return task;
}
} // namespace

TaskHistories task_histories_of(const CampaignFolder& folder, const Manifest& manifest) {
    Plan plan = manifest.plan();
    const Schedule::Resources resources{.ranks = std::max(1, manifest.sweep.resources.gan_ranks)};
    auto schedule =
        std::make_unique<Schedule>(plan, std::vector<double>(plan.tasks.size(), 1), resources);
    const auto tasks = task_indices(plan);
    IndexVector<TaskIndex, std::vector<AttemptRecord>> attempts(
        static_cast<int>(plan.tasks.size()));
    const results::Location database = results_of(folder, manifest);
    if (database.is_server() ? has_begun(folder) : fs::exists(database.file())) {
        std::unordered_map<std::string, TaskIndex> index_of;
        for (const TaskIndex task : tasks) index_of[task_at(plan, task).key] = task;
        read_attempts(database, index_of, attempts);
        for (const TaskIndex task : tasks)
            schedule->restore(task,
                              history_of(stored_task(task_at(plan, task).key, attempts[task])));
    }
    return {std::move(plan), std::move(schedule), std::move(attempts)};
}

TaskIndex find_task(const Plan& plan, const std::string& name) {
    constexpr size_t kShortestKey = 6;
    std::vector<TaskIndex> found;
    for (const TaskIndex index : task_indices(plan)) {
        const PlannedTask& task = task_at(plan, index);
        if (label_of(task.spec) == name ||
            (name.size() >= kShortestKey && task.key.starts_with(name)))
            found.push_back(index);
    }
    if (found.size() == 1) return found.front();
    std::vector<std::string> labels;
    for (const PlannedTask& task : plan.tasks) labels.push_back(label_of(task.spec));
    const std::string close = nearest(name, labels);
    throw input_error(fmt::format("{}: {} of this campaign; hint: give its key, at least its "
                                  "first 6 digits, or its label, e.g. '{}'",
                                  name, found.empty() ? "is not a task" : "names several tasks",
                                  close.empty() ? labels.front() : close));
}

namespace {
// Describes a task's state; one overload for each.
struct StateText {
    const TaskHistories& histories;
    TaskIndex task;
    std::vector<std::string> too_late; // kinds of tasks that no longer start

    const PlannedTask& planned(TaskIndex index) const { return task_at(histories.plan, index); }
    std::string label(TaskIndex index) const { return label_of(planned(index).spec); }

    std::string operator()(const Waiting&) const {
        std::string text = "waits for:\n";
        for (const TaskIndex need : indices_from<TaskIndex>(planned(task).needs)) {
            if (!std::holds_alternative<Done>(histories.schedule->state(need)))
                text += "  " + label(need) + "\n";
        }
        return text;
    }
    std::string operator()(const Ready&) const {
        const TaskSpec& spec = planned(task).spec;
        const std::string kind(to_string(kind_of(spec)));
        if (std::find(too_late.begin(), too_late.end(), kind) != too_late.end())
            return fmt::format("is ready, but the allocation ends too soon to start a {}, make a "
                               "step and save it; the next allocation runs it\n",
                               kind);
        if (histories.schedule->isolated(task))
            return "is ready: the whole MPI job was lost with it more than once, so it starts when "
                   "nothing else runs\n";
        const int ranks = ranks_of(spec);
        return ranks > 1 ? fmt::format("is ready: starts when {} ranks are free\n", ranks)
                         : "is ready: starts when a trainer is free\n";
    }
    std::string operator()(const BackingOff&) const {
        return "backs off after a system error and is then tried again\n";
    }
    std::string operator()(const Running&) const { return "is running\n"; }
    std::string operator()(const RunningOnPeer&) const {
        return "is running in a peer allocation\n";
    }
    std::string operator()(const Done&) const { return "is done\n"; }
    std::string operator()(const Failed& failed) const {
        return fmt::format("failed ({}): {}\n", to_string(failed.outcome), failed.error);
    }
    std::string operator()(const Quarantined& quarantined) const {
        return fmt::format(
            "is quarantined, because its trainer or the whole job kept dying ({}): {}\nhint: "
            "`dagan run` tries it again\n",
            to_string(quarantined.outcome), quarantined.error);
    }
    std::string operator()(const Blocked& blocked) const {
        return fmt::format("is blocked: {} failed\n", label(blocked.by));
    }
};

std::string describe(const AttemptRecord& attempt) {
    const std::string outcome = attempt.outcome.empty() ? "no end recorded" : attempt.outcome;
    std::string line = fmt::format("  attempt {}: {} on rank {} of {}, {}", attempt.token,
                                   attempt.started, attempt.ranks, attempt.host, outcome);
    if (attempt.seconds > 0) line += fmt::format(", {:.1f} s", attempt.seconds);
    if (!attempt.error.empty()) line += ": " + attempt.error;
    if (attempt.charged && !attempt.final) line += " (charged)";
    return line + "\n";
}

// Returns the task's entry in the snapshot of a campaign that runs; null if it has none.
const RunningTask* running_entry(const Status& status, const std::string& label) {
    const auto found = std::find_if(status.running.begin(), status.running.end(),
                                    [&](const RunningTask& task) { return task.label == label; });
    return found == status.running.end() ? nullptr : &*found;
}
} // namespace

std::string explain(const CampaignFolder& folder, const Manifest& manifest,
                    const std::string& name) {
    const TaskHistories histories = task_histories_of(folder, manifest);
    const TaskIndex task = find_task(histories.plan, name);
    const PlannedTask& planned = task_at(histories.plan, task);
    const std::string label = label_of(planned.spec);
    std::string text = fmt::format("{} (key {})\n", label, planned.key);
    const auto status = present_status(folder);
    const bool live = status && status->state == CampaignState::running;
    const RunningTask* running = live ? running_entry(*status, label) : nullptr;
    if (running != nullptr) {
        text += fmt::format(
            "is running on rank {}{}, step {} of {}\n",
            fmt::format("{}", fmt::join(running->ranks, ",")),
            running->allocation > 1 ? fmt::format(" of allocation {}", running->allocation) : "",
            running->step, running->steps);
    } else {
        const std::vector<std::string> too_late =
            live ? status->too_late : std::vector<std::string>{};
        text += std::visit(StateText{histories, task, too_late}, histories.schedule->state(task));
    }
    const auto& attempts = histories.attempts[task];
    double seconds = 0;
    for (const AttemptRecord& attempt : attempts) {
        text += describe(attempt);
        seconds += attempt.seconds;
    }
    if (!attempts.empty())
        text += fmt::format("cost so far: {} attempts, {:.1f} s of training\n", attempts.size(),
                            seconds);
    return text;
}

namespace {
void add_lines_with(const std::string& tag, const fs::path& path, std::vector<std::string>& lines) {
    std::istringstream log(read_file(path));
    for (std::string line; std::getline(log, line);) {
        if (line.find(tag) != std::string::npos) lines.push_back(line);
    }
}
} // namespace

std::string log_of(const CampaignFolder& folder, const Manifest& manifest,
                   const std::string& name) {
    const Plan plan = manifest.plan();
    const std::string tag = task_tag(task_at(plan, find_task(plan, name)).key);
    std::vector<std::string> lines;
    for (const CampaignFolder& allocation : folder.allocations()) {
        for (const auto& entry : fs::directory_iterator(allocation.logs()))
            add_lines_with(tag, entry.path(), lines);
    }
    std::stable_sort(lines.begin(), lines.end()); // every line begins with its time
    return fmt::format("{}\n", fmt::join(lines, "\n"));
}

} // namespace dagan::launcher
