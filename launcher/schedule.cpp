#include "launcher/schedule.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace dagan {

namespace {
template <class State> bool is(const TaskState& state) { return std::holds_alternative<State>(state); }
} // namespace

bool Schedule::LongestPathFirst::operator()(TaskIndex a, TaskIndex b) const {
    const double path_a = (*tasks)[static_cast<size_t>(a)].path_seconds, path_b = (*tasks)[static_cast<size_t>(b)].path_seconds;
    return path_a != path_b ? path_a > path_b : a < b;
}

Schedule::Schedule(const Plan& plan, const std::vector<double>& expected_seconds, Resources resources)
    : tasks_(plan.tasks.size()), ready_(LongestPathFirst{&tasks_}),
      free_slots_(static_cast<size_t>(resources.ranks), resources.slots_per_rank), resources_(resources) {
    require(expected_seconds.size() == plan.tasks.size(), "an expected time for every task");
    for (TaskIndex i = 0; i < static_cast<int>(tasks_.size()); ++i) {
        const PlannedTask& planned = plan.tasks[static_cast<size_t>(i)];
        Task& task = at(i);
        task.ranks = ranks_of(planned.spec);
        if (task.ranks > resources.ranks) {
            throw input_error(fmt::format(
                "{}: needs {} ranks, the run has {}; hint: start at least {} (-n {}), or --set resources.gan_ranks={}",
                label_of(planned.spec), task.ranks, resources.ranks, task.ranks, task.ranks, resources.ranks));
        }
        task.needs = planned.needs;
        ++counts_.waiting;
        set_state(i, Waiting{static_cast<int>(planned.needs.size())});
        for (const TaskIndex need : planned.needs) {
            require(need < i, "a plan is in topological order");
            at(need).needed_by.push_back(i);
        }
    }
    for (TaskIndex i = static_cast<int>(tasks_.size()) - 1; i >= 0; --i) {
        double rest = 0;
        for (const TaskIndex next : at(i).needed_by) rest = std::max(rest, at(next).path_seconds);
        at(i).path_seconds = expected_seconds[static_cast<size_t>(i)] + rest;
    }
    for (TaskIndex i = 0; i < static_cast<int>(tasks_.size()); ++i) {
        if (at(i).needs.empty()) become_ready(i);
    }
}

void Schedule::restore(TaskIndex task, std::optional<Outcome> ended, const std::string& error, int charged) {
    at(task).charged = std::min(charged, resources_.max_attempts - 1); // a new job gives every open task an attempt
    if (!ended || !(is<Waiting>(at(task).state) || is<Ready>(at(task).state))) return;
    ready_.erase(task);
    conclude(task, *ended, error);
}

// A diverged classifier is a result; a diverged DAGAN leaves nothing for those that need it.
void Schedule::conclude(TaskIndex task, Outcome outcome, const std::string& error) {
    const bool diverged_for_nobody = outcome == Outcome::diverged && at(task).needed_by.empty();
    if (outcome == Outcome::done || diverged_for_nobody) {
        become_done(task);
    } else if (outcome == Outcome::died || outcome == Outcome::stuck) {
        become_failed(task, Quarantined{outcome, error});
    } else {
        become_failed(task, Failed{outcome, error});
    }
}

std::vector<Start> Schedule::fill() {
    std::vector<Start> starts;
    if (!starting_) return starts;
    std::set<Rank> kept;
    int free = std::accumulate(free_slots_.begin(), free_slots_.end(), 0);
    for (auto next = ready_.begin(); next != ready_.end() && free > 0;) {
        const TaskIndex index = *next;
        Task& task = at(index);
        const auto ranks = place(task.ranks, kept);
        if (!ranks) {
            if (kept.empty() && task.ranks > 1) kept = ranks_to_keep(task.ranks);
            if (task.ranks == 1) break; // no slot for a small task is no slot for any other
            ++next;
            continue;
        }
        for (const Rank rank : *ranks) --free_slots_[static_cast<size_t>(rank)];
        free -= task.ranks;
        set_state(index, Running{*ranks});
        next = ready_.erase(next);
        starts.push_back({index, *ranks});
    }
    return starts;
}

// Ranks with a free slot each, the emptiest first; of the ranks in `kept` one slot is not free.
std::optional<std::vector<Rank>> Schedule::place(int ranks, const std::set<Rank>& kept) const {
    std::vector<Rank> candidates;
    for (Rank rank = 0; rank < resources_.ranks; ++rank) {
        if (free_slots(rank) > (kept.contains(rank) ? 1 : 0)) candidates.push_back(rank);
    }
    if (static_cast<int>(candidates.size()) < ranks) return std::nullopt;
    std::stable_sort(candidates.begin(), candidates.end(), [&](Rank a, Rank b) { return free_slots(a) > free_slots(b); });
    candidates.resize(static_cast<size_t>(ranks));
    std::sort(candidates.begin(), candidates.end());
    return candidates;
}

// The ranks that a gang waits for: those with the most free slots now. Lower tasks must leave it a slot on each.
std::set<Rank> Schedule::ranks_to_keep(int ranks) const {
    std::vector<Rank> all(static_cast<size_t>(resources_.ranks));
    std::iota(all.begin(), all.end(), 0);
    std::stable_sort(all.begin(), all.end(), [&](Rank a, Rank b) { return free_slots(a) > free_slots(b); });
    return {all.begin(), all.begin() + ranks};
}

Verdict Schedule::on_ended(TaskIndex index, Outcome outcome, const std::string& error, bool progressed) {
    const auto* running = std::get_if<Running>(&at(index).state);
    require(running != nullptr, "only a running task ends");
    for (const Rank rank : running->ranks) ++free_slots_[static_cast<size_t>(rank)];
    switch (outcome) {
    case Outcome::done:
    case Outcome::diverged:
    case Outcome::input_error:
    case Outcome::bug: conclude(index, outcome, error); return {.final = true, .refund = false};
    case Outcome::interrupted: become_ready(index); return {.final = false, .refund = true};
    default: return after_failure(index, outcome, error, progressed);
    }
}

// Retrying, by cause (orchestration: "Retrying, by cause"). The attempt was charged when it started.
Verdict Schedule::after_failure(TaskIndex index, Outcome outcome, const std::string& error, bool progressed) {
    if (progressed) {
        become_ready(index);
        return {.final = false, .refund = true};
    }
    if (++at(index).charged < resources_.max_attempts) {
        become_ready(index);
        return {.final = false, .refund = false};
    }
    conclude(index, outcome, error);
    return {.final = true, .refund = false};
}

void Schedule::become_ready(TaskIndex index) {
    set_state(index, Ready{});
    ready_.insert(index);
}

void Schedule::become_done(TaskIndex index) {
    set_state(index, Done{});
    for (const TaskIndex next : at(index).needed_by) {
        auto* waiting = std::get_if<Waiting>(&at(next).state);
        if (waiting != nullptr && --waiting->open_needs == 0) become_ready(next);
    }
}

void Schedule::become_failed(TaskIndex index, TaskState state) {
    set_state(index, std::move(state));
    std::vector<TaskIndex> blocked{at(index).needed_by};
    while (!blocked.empty()) {
        const TaskIndex next = blocked.back();
        blocked.pop_back();
        if (!is<Waiting>(at(next).state)) continue;
        set_state(next, Blocked{index});
        blocked.insert(blocked.end(), at(next).needed_by.begin(), at(next).needed_by.end());
    }
}

void Schedule::set_state(TaskIndex index, TaskState state) {
    --counter_of(at(index).state);
    at(index).state = std::move(state);
    ++counter_of(at(index).state);
}

int& Schedule::counter_of(const TaskState& state) {
    int* const counters[] = {&counts_.waiting, &counts_.ready,       &counts_.running,
                             &counts_.done, // in the order of TaskState's alternatives
                             &counts_.failed,  &counts_.quarantined, &counts_.blocked};
    return *counters[state.index()];
}

void Schedule::check_invariants() const {
    std::vector<int> used(free_slots_.size(), 0);
    TaskCounts counted;
    for (const Task& task : tasks_) {
        counted.waiting += is<Waiting>(task.state);
        counted.ready += is<Ready>(task.state);
        counted.running += is<Running>(task.state);
        counted.done += is<Done>(task.state);
        counted.failed += is<Failed>(task.state);
        counted.quarantined += is<Quarantined>(task.state);
        counted.blocked += is<Blocked>(task.state);
    }
    require(counted == counts_, "the counts are those of the states");
    for (TaskIndex i = 0; i < static_cast<int>(tasks_.size()); ++i) {
        const Task& task = tasks_[static_cast<size_t>(i)];
        int open = 0;
        bool need_failed = false;
        for (const TaskIndex need : task.needs) {
            open += !is<Done>(state(need));
            need_failed |= is<Failed>(state(need)) || is<Quarantined>(state(need)) || is<Blocked>(state(need));
        }
        if (const auto* waiting = std::get_if<Waiting>(&task.state)) {
            require(waiting->open_needs == open && open > 0, "a waiting task counts its open needs");
            require(!need_failed, "a task whose need failed does not wait");
        } else if (!is<Blocked>(task.state)) {
            require(open == 0 || is<Done>(task.state), "only waiting and blocked tasks have open needs");
        } else {
            require(need_failed, "a task is blocked by a need that failed");
        }
        require(ready_.contains(i) == is<Ready>(task.state), "the ready set holds the ready tasks");
        if (const auto* running = std::get_if<Running>(&task.state)) {
            require(static_cast<int>(running->ranks.size()) == task.ranks, "a running task holds its ranks");
            require(std::set<Rank>(running->ranks.begin(), running->ranks.end()).size() == running->ranks.size(),
                    "a gang's ranks differ");
            for (const Rank rank : running->ranks) ++used[static_cast<size_t>(rank)];
        }
    }
    for (size_t rank = 0; rank < used.size(); ++rank) {
        require(free_slots_[rank] >= 0 && used[rank] + free_slots_[rank] == resources_.slots_per_rank, "every slot is used once");
    }
}

} // namespace dagan
