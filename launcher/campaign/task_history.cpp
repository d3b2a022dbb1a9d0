#include "launcher/campaign/task_history.h"

#include "base/error.h"
#include "base/file.h"
#include "launcher/campaign/campaign_status.h"
#include "results/query/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

namespace dagan::launcher {

namespace fs = std::filesystem;

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
                   const std::unordered_map<std::string, size_t>& index_of,
                   std::vector<std::vector<AttemptRecord>>& attempts) {
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

// A server's base has our tables once a job has begun, and may hold others' before.
bool has_begun(const CampaignFolder& folder) {
    const auto allocations = folder.allocations();
    return std::any_of(
        allocations.begin(), allocations.end(),
        [](const CampaignFolder& allocation) { return fs::exists(allocation.status()); });
}

void restore(Schedule& schedule, TaskIndex task, const std::vector<AttemptRecord>& attempts) {
    int charged = 0;
    std::optional<Outcome> ended;
    std::string error;
    for (const AttemptRecord& attempt : attempts) {
        charged += attempt.charged;
        error = attempt.error;
        if (attempt.final) ended = enum_from<Outcome>(attempt.outcome);
    }
    schedule.restore(task, {.ended = ended, .error = error, .charged = charged});
}
} // namespace

TaskHistories task_histories_of(const CampaignFolder& folder, const Manifest& manifest) {
    Plan plan = manifest.plan();
    const Schedule::Resources resources{.ranks = std::max(1, manifest.sweep.resources.gan_ranks)};
    auto schedule =
        std::make_unique<Schedule>(plan, std::vector<double>(plan.tasks.size(), 1), resources);
    std::vector<std::vector<AttemptRecord>> attempts(plan.tasks.size());
    const results::Location database = results_of(folder, manifest);
    if (database.is_server() ? has_begun(folder) : fs::exists(database.file())) {
        std::unordered_map<std::string, size_t> index_of;
        for (size_t i = 0; i < plan.tasks.size(); ++i) index_of[plan.tasks[i].key] = i;
        read_attempts(database, index_of, attempts);
        for (size_t i = 0; i < plan.tasks.size(); ++i)
            restore(*schedule, static_cast<TaskIndex>(i), attempts[i]);
    }
    return {std::move(plan), std::move(schedule), std::move(attempts)};
}

TaskIndex find_task(const Plan& plan, const std::string& name) {
    constexpr size_t kShortestKey = 6;
    std::vector<TaskIndex> found;
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
        const PlannedTask& task = plan.tasks[i];
        if (label_of(task.spec) == name ||
            (name.size() >= kShortestKey && task.key.starts_with(name)))
            found.push_back(static_cast<TaskIndex>(i));
    }
    if (found.size() == 1) return found.front();
    std::vector<std::string> labels;
    for (const PlannedTask& task : plan.tasks) labels.push_back(label_of(task.spec));
    const std::string close = nearest(name, labels);
    throw input_error(fmt::format("{}: {} task of this campaign; hint: name it by its key, the "
                                  "beginning of its key, or its label, e.g. '{}'",
                                  name, found.empty() ? "is no" : "is more than one",
                                  close.empty() ? labels.front() : close));
}

namespace {
// The state in words; one overload for each.
struct Reason {
    const TaskHistories& standing;
    TaskIndex task;
    std::vector<std::string> too_late; // kinds of tasks that no longer start

    std::string label(TaskIndex other) const {
        return label_of(standing.plan.tasks[static_cast<size_t>(other)].spec);
    }
    std::string operator()(const Waiting&) const {
        std::string text = "waits for what it needs:\n";
        for (const TaskIndex need : standing.plan.tasks[static_cast<size_t>(task)].needs) {
            if (!std::holds_alternative<Done>(standing.schedule->state(need)))
                text += "  " + label(need) + "\n";
        }
        return text;
    }
    std::string operator()(const Ready&) const {
        const std::string kind(
            to_string(kind_of(standing.plan.tasks[static_cast<size_t>(task)].spec)));
        if (std::find(too_late.begin(), too_late.end(), kind) != too_late.end())
            return fmt::format("is ready, but too little is left of the allocation's time to start "
                               "a {}, make a step and save it: "
                               "the next one does it\n",
                               kind);
        const int ranks = ranks_of(standing.plan.tasks[static_cast<size_t>(task)].spec);
        return ranks > 1 ? fmt::format("is ready: starts when {} ranks are free\n", ranks)
                         : "is ready: starts when a trainer is free\n";
    }
    std::string operator()(const BackingOff&) const {
        return "rests after an error of the system and is then tried again\n";
    }
    std::string operator()(const Running&) const { return "is running\n"; }
    std::string operator()(const RunningOnPeer&) const {
        return "is running in another allocation\n";
    }
    std::string operator()(const Done&) const { return "is done\n"; }
    std::string operator()(const Failed& failed) const {
        return fmt::format("failed ({}): {}\n", to_string(failed.outcome), failed.error);
    }
    std::string operator()(const Quarantined& quarantined) const {
        return fmt::format("is quarantined, since it kept losing its trainer ({}): {}\nhint: "
                           "`dagan run` gives it another chance\n",
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
    if (attempt.charged && !attempt.final) line += " (cost a credit)";
    return line + "\n";
}

// The task among those that the last snapshot saw running; only a live campaign's snapshot is asked.
const RunningTask* running_now(const Status& status, const std::string& label) {
    const auto found = std::find_if(status.running.begin(), status.running.end(),
                                    [&](const RunningTask& task) { return task.label == label; });
    return found == status.running.end() ? nullptr : &*found;
}
} // namespace

std::string explain(const CampaignFolder& folder, const Manifest& manifest,
                    const std::string& name) {
    const TaskHistories histories = task_histories_of(folder, manifest);
    const TaskIndex task = find_task(histories.plan, name);
    const PlannedTask& planned = histories.plan.tasks[static_cast<size_t>(task)];
    const std::string label = label_of(planned.spec);
    std::string text = fmt::format("{} (key {})\n", label, planned.key);
    const auto status = present_status(folder);
    const bool live = status && status->state == CampaignState::running;
    const RunningTask* running = live ? running_now(*status, label) : nullptr;
    if (running != nullptr) {
        text += fmt::format(
            "is running on rank {}{}, step {} of {}\n",
            fmt::format("{}", fmt::join(running->ranks, ",")),
            running->allocation > 1 ? fmt::format(" of allocation {}", running->allocation) : "",
            running->step, running->steps);
    } else {
        const std::vector<std::string> too_late =
            live ? status->too_late : std::vector<std::string>{};
        text += std::visit(Reason{histories, task, too_late}, histories.schedule->state(task));
    }
    const auto& attempts = histories.attempts[static_cast<size_t>(task)];
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
void add_lines_about(const std::vector<std::string>& marks, const fs::path& path,
                     std::vector<std::string>& lines) {
    std::istringstream log(read_file(path));
    for (std::string line; std::getline(log, line);) {
        const bool about_it = std::any_of(marks.begin(), marks.end(), [&](const std::string& mark) {
            return line.find(mark) != std::string::npos;
        });
        if (about_it) lines.push_back(line);
    }
}
} // namespace

std::string log_of(const CampaignFolder& folder, const Manifest& manifest,
                   const std::string& name) {
    const TaskHistories histories = task_histories_of(folder, manifest);
    const TaskIndex task = find_task(histories.plan, name);
    const std::string label = label_of(histories.plan.tasks[static_cast<size_t>(task)].spec);
    std::vector<std::string> marks{" " + label + ":", " " + label + " ("};
    for (const AttemptRecord& attempt : histories.attempts[static_cast<size_t>(task)]) {
        marks.push_back(fmt::format(" attempt {} ", attempt.token));
    }
    std::vector<std::string> lines;
    for (const CampaignFolder& allocation : folder.allocations()) {
        for (const auto& entry : fs::directory_iterator(allocation.logs()))
            add_lines_about(marks, entry.path(), lines);
    }
    std::stable_sort(lines.begin(), lines.end()); // every line begins with its time
    return fmt::format("{}\n", fmt::join(lines, "\n"));
}

} // namespace dagan::launcher
