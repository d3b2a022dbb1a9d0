#include "launcher/scheduling/schedule.h"

#include "base/error.h"
#include "launcher/scheduling/placement.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::launcher {

namespace {
// Losses of the whole MPI job after which the task that ran is isolated.
constexpr int kLossesBeforeIsolation = 2;

template <class State> bool is(const TaskState& state) {
    return std::holds_alternative<State>(state);
}
} // namespace

bool Schedule::LongestPathFirst::operator()(TaskIndex a, TaskIndex b) const {
    const double path_a = (*tasks)[a].path_seconds, path_b = (*tasks)[b].path_seconds;
    return path_a != path_b ? path_a > path_b : a < b;
}

Schedule::Schedule(const Plan& plan, const std::vector<double>& expected_seconds,
                   Resources resources)
    : tasks_(std::vector<Task>(plan.tasks.size())), ready_(LongestPathFirst{&tasks_}),
      slots_(resources.ranks, resources.slots_per_rank), free_slots_(slots_),
      node_of_(resources.ranks, node_health_.node("")), resources_(resources) {
    require(expected_seconds.size() == plan.tasks.size(), "an expected time for every task");
    for (const NodeIndex node : node_of_) node_health_.add_rank(node);
    for (const TaskIndex index : tasks_.indices()) {
        const PlannedTask& planned = task_at(plan, index);
        Task& task = tasks_[index];
        task.ranks = ranks_of(planned.spec);
        if (task.ranks > resources.ranks) {
            throw input_error(fmt::format("{}: needs {} ranks, the run has {}; hint: start at "
                                          "least {} (-n {}), or --set resources.gan_ranks={}",
                                          label_of(planned.spec), task.ranks, resources.ranks,
                                          task.ranks, task.ranks, resources.ranks));
        }
        task.needs = indices_from<TaskIndex>(planned.needs);
        ++counts_.waiting;
        set_state(index, Waiting{static_cast<int>(planned.needs.size())});
        for (const TaskIndex need : task.needs) {
            require(need < index, "a plan is in topological order");
            tasks_[need].needed_by.push_back(index);
        }
    }
    for (int i = tasks_.size(); i-- > 0;) {
        Task& task = tasks_[TaskIndex::from(i)];
        double rest = 0;
        for (const TaskIndex next : task.needed_by)
            rest = std::max(rest, tasks_[next].path_seconds);
        task.path_seconds = expected_seconds[static_cast<size_t>(i)] + rest;
    }
    for (const TaskIndex index : tasks_.indices()) {
        if (tasks_[index].needs.empty()) become_ready(index);
    }
}

AttemptDecision Schedule::restore(TaskIndex index, const TaskHistory& history) {
    Task& task = tasks_[index];
    // A new job gives every open task at least one attempt.
    task.charged = std::min(history.charged, resources_.max_attempts - 1);
    task.isolated = history.lost >= kLossesBeforeIsolation;
    const bool open = is<Waiting>(task.state) || is<Ready>(task.state) ||
                      is<BackingOff>(task.state) || is<RunningOnPeer>(task.state);
    if (!open) return {};
    const bool ends_jobs = history.last_lost && history.lost > kLossesBeforeIsolation &&
                           history.charged >= resources_.max_attempts;
    if (!history.ended && !ends_jobs) return {};
    ready_.erase(index);
    conclude(index, history.ended.value_or(Outcome::lost), history.error);
    return {.final = !history.ended};
}

bool Schedule::ended(TaskIndex index) const {
    const TaskState& state = this->state(index);
    return is<Done>(state) || is<Failed>(state) || is<Quarantined>(state) || is<Blocked>(state);
}

void Schedule::on_running_on_peer(TaskIndex index) {
    if (!is<Ready>(tasks_[index].state)) return;
    ready_.erase(index);
    set_state(index, RunningOnPeer{});
}

void Schedule::on_left_by_peer(TaskIndex index) {
    if (is<RunningOnPeer>(tasks_[index].state)) become_ready(index);
}

void Schedule::set_host(Rank rank, const std::string& host) {
    NodeIndex& node = node_of_[rank];
    node_health_.remove_rank(node);
    node = node_health_.node(host);
    node_health_.add_rank(node);
}

std::optional<NodeIndex> Schedule::replay_history(TaskIndex task, const std::string& host,
                                                  Outcome outcome) {
    const NodeIndex node = node_health_.node(host);
    NodeHealth::Change change = NodeHealth::Change::none;
    if (is_finished(outcome)) node_health_.on_success(task, node);
    if (implicates_node(outcome)) change = node_health_.on_failure(task, node);
    node_health_.wake(node); // back-offs of earlier jobs are over
    return change == NodeHealth::Change::is_bad ? std::optional(node) : std::nullopt;
}

// A diverged classifier is a result. A diverged DAGAN has no weights for the tasks that need it.
void Schedule::conclude(TaskIndex task, Outcome outcome, const std::string& error) {
    const bool diverged_is_result = outcome == Outcome::diverged && tasks_[task].needed_by.empty();
    if (outcome == Outcome::done || diverged_is_result) {
        become_done(task);
    } else if (outcome == Outcome::died || outcome == Outcome::stuck || outcome == Outcome::lost) {
        become_failed(task, Quarantined{outcome, error});
    } else {
        become_failed(task, Failed{outcome, error});
    }
}

std::vector<Placement> Schedule::schedule_ready(const Admit& admit) {
    std::vector<Placement> placements;
    if (!starting_ || isolated_runs_) return placements;
    std::set<Rank> reserved;
    int free = 0;
    for (const int slots : free_slots_) free += std::max(0, slots);
    for (auto next = ready_.begin(); next != ready_.end() && free > 0;) {
        const TaskIndex index = *next++;
        const Task& task = tasks_[index];
        const auto ranks = task.isolated ? std::nullopt : find_ranks(index, reserved);
        if (ranks) {
            if (!admitted(index, admit)) continue;
            start(index, *ranks);
            placements.push_back({index, *ranks});
            free -= task.ranks;
        } else if (!task.isolated) {
            if (reserved.empty() && task.ranks > 1) reserved = ranks_to_reserve(index);
            // If a task that may run anywhere finds no slot, no other task of one rank does.
            const bool may_run_anywhere =
                task.ranks == 1 && node_health_.failed_on(index) == nullptr;
            if (may_run_anywhere) break;
        }
    }
    if (placements.empty() && counts_.running == on_peers_) start_one_isolated(placements, admit);
    return placements;
}

// `admit` may restore the task, which may end or isolate it.
bool Schedule::admitted(TaskIndex index, const Admit& admit) {
    if (!admit) return true;
    const bool isolated = tasks_[index].isolated;
    const Admission admission = admit(index);
    if (admission == Admission::on_peer) on_running_on_peer(index);
    return admission == Admission::now && is<Ready>(tasks_[index].state) &&
           tasks_[index].isolated == isolated;
}

void Schedule::start(TaskIndex index, const std::vector<Rank>& ranks) {
    for (const Rank rank : ranks) {
        --free_slots_[rank];
        node_health_.on_start(node_of_[rank]);
    }
    ready_.erase(index);
    set_state(index, Running{ranks});
}

// For the case that nothing runs in this job and nothing else can start.
void Schedule::start_one_isolated(std::vector<Placement>& placements, const Admit& admit) {
    for (auto next = ready_.begin(); next != ready_.end();) {
        const TaskIndex index = *next++;
        if (!tasks_[index].isolated) continue;
        const auto ranks = find_ranks(index, {});
        if (!ranks) return;
        if (!admitted(index, admit)) continue;
        isolated_runs_ = true;
        start(index, *ranks);
        placements.push_back({index, *ranks});
        return;
    }
}

// Returns ranks with a free slot each, those with the most free slots first; nullopt if there are
// too few. A gang gets ranks on as few nodes as possible. One free slot of each rank in `reserved`
// is not available.
std::optional<std::vector<Rank>> Schedule::find_ranks(TaskIndex index,
                                                      const std::set<Rank>& reserved) const {
    const auto ranks = static_cast<size_t>(tasks_[index].ranks);
    std::vector<Rank> candidates;
    for (const Rank rank : free_slots_.indices()) {
        if (free_slots(rank) > (reserved.contains(rank) ? 1 : 0) && may_run_on(index, rank))
            candidates.push_back(rank);
    }
    if (candidates.size() < ranks) return std::nullopt;
    sort_by_free_slots(candidates);
    if (ranks == 1) return std::vector{candidates.front()};
    return on_few_nodes(candidates, ranks, [&](Rank rank) { return node_of_[rank]; });
}

void Schedule::sort_by_free_slots(std::vector<Rank>& ranks) const {
    std::stable_sort(ranks.begin(), ranks.end(),
                     [&](Rank a, Rank b) { return free_slots(a) > free_slots(b); });
}

// A task of one rank avoids nodes that back off or are bad, and first those where it failed. A gang
// runs on healthy nodes only; if they have too few ranks for it, on all but those that back off.
bool Schedule::may_run_on(TaskIndex index, Rank rank) const {
    const NodeIndex node = node_of_[rank];
    const NodeHealth::State health = node_health_.state(node);
    const int ranks = tasks_[index].ranks;
    if (health != NodeHealth::State::healthy && ranks > ranks_on_healthy_nodes())
        return health != NodeHealth::State::backing_off;
    if (ranks > 1) return health == NodeHealth::State::healthy;
    const std::set<NodeIndex>* failed = node_health_.failed_on(index);
    return node_health_.usable(node) &&
           (failed == nullptr || !failed->contains(node) || node_health_.failed_everywhere(index));
}

int Schedule::ranks_on_healthy_nodes() const {
    return static_cast<int>(std::count_if(node_of_.begin(), node_of_.end(), [&](NodeIndex node) {
        return node_health_.state(node) == NodeHealth::State::healthy;
    }));
}

// Of the ranks where `gang` may run, returns those with the most free slots.
std::set<Rank> Schedule::ranks_to_reserve(TaskIndex gang) const {
    std::vector<Rank> suited;
    for (const Rank rank : free_slots_.indices()) {
        if (may_run_on(gang, rank)) suited.push_back(rank);
    }
    sort_by_free_slots(suited);
    suited.resize(std::min(suited.size(), static_cast<size_t>(tasks_[gang].ranks)));
    return {suited.begin(), suited.end()};
}

AttemptDecision Schedule::on_ended(TaskIndex index, Outcome outcome, const std::string& error,
                                   bool progressed, std::optional<Rank> failed_rank) {
    const auto* running = std::get_if<Running>(&tasks_[index].state);
    require(running != nullptr, "only a running task ends");
    const std::vector<Rank> ranks = running->ranks;
    for (const Rank rank : ranks) ++free_slots_[rank];
    isolated_runs_ = false; // an isolated task was the only one that ran
    switch (outcome) {
    case Outcome::done:
    case Outcome::diverged:
        for (const Rank rank : ranks) node_health_.on_success(index, node_of_[rank]);
        [[fallthrough]];
    case Outcome::input_error:
    case Outcome::bug: conclude(index, outcome, error); return {.final = true};
    case Outcome::interrupted: become_ready(index); return {.refund = true};
    case Outcome::out_of_memory: halve_slots(ranks); [[fallthrough]];
    default:
        return after_failure(index, outcome, error, progressed,
                             failed_rank.value_or(ranks.front()));
    }
}

// Retries and charges: docs/internals/scheduling.md, "Attempt budgets". The store has charged the
// attempt since its start; here it is charged now.
AttemptDecision Schedule::after_failure(TaskIndex index, Outcome outcome, const std::string& error,
                                        bool progressed, Rank failed_rank) {
    AttemptDecision decision;
    judge_node(index, node_of_[failed_rank], decision);
    decision.refund = progressed || decision.bad_node;
    Task& task = tasks_[index];
    if (!decision.refund) {
        ++task.charged;
        ++charged_on_[node_of_[failed_rank]][index];
    }
    decision.final = task.charged >= resources_.max_attempts;
    decision.task_backs_off = !decision.final && outcome == Outcome::system_error;
    if (decision.final) {
        conclude(index, outcome, error);
    } else if (decision.task_backs_off) {
        set_state(index, BackingOff{});
    } else {
        become_ready(index);
    }
    return decision;
}

void Schedule::judge_node(TaskIndex task, NodeIndex node, AttemptDecision& decision) {
    const NodeHealth::Change change = node_health_.on_failure(task, node);
    if (change == NodeHealth::Change::backs_off) decision.node_backs_off = node;
    if (change != NodeHealth::Change::is_bad) return;
    decision.bad_node = node;
    for (const auto& [charged, charges] : charged_on_[node]) tasks_[charged].charged -= charges;
    charged_on_.erase(node);
}

// Halves the slots of ranks on which memory was insufficient, to at least one.
void Schedule::halve_slots(const std::vector<Rank>& ranks) {
    for (const Rank rank : ranks) {
        int& slots = slots_[rank];
        const int fewer = std::max(1, slots / 2);
        free_slots_[rank] += fewer - slots;
        slots = fewer;
    }
}

void Schedule::wake_task(TaskIndex index) {
    if (is<BackingOff>(tasks_[index].state)) become_ready(index);
}

void Schedule::become_ready(TaskIndex index) {
    set_state(index, Ready{});
    ready_.insert(index);
}

void Schedule::become_done(TaskIndex index) {
    set_state(index, Done{});
    for (const TaskIndex next : tasks_[index].needed_by) {
        auto* waiting = std::get_if<Waiting>(&tasks_[next].state);
        if (waiting != nullptr && --waiting->open_needs == 0) become_ready(next);
    }
}

void Schedule::become_failed(TaskIndex index, TaskState state) {
    set_state(index, std::move(state));
    std::vector<TaskIndex> blocked{tasks_[index].needed_by};
    while (!blocked.empty()) {
        const TaskIndex next = blocked.back();
        blocked.pop_back();
        if (!is<Waiting>(tasks_[next].state)) continue;
        set_state(next, Blocked{index});
        blocked.insert(blocked.end(), tasks_[next].needed_by.begin(), tasks_[next].needed_by.end());
    }
}

void Schedule::set_state(TaskIndex index, TaskState state) {
    --counter_of(tasks_[index].state);
    on_peers_ -= is<RunningOnPeer>(tasks_[index].state);
    tasks_[index].state = std::move(state);
    on_peers_ += is<RunningOnPeer>(tasks_[index].state);
    ++counter_of(tasks_[index].state);
}

int& Schedule::counter_of(const TaskState& state) {
    // In the order of TaskState's alternatives.
    int* const counters[] = {&counts_.waiting, &counts_.ready,       &counts_.ready,
                             &counts_.running, &counts_.running,     &counts_.done,
                             &counts_.failed,  &counts_.quarantined, &counts_.blocked};
    return *counters[state.index()];
}

void Schedule::check_invariants() const {
    TaskCounts counted;
    IndexVector<Rank, int> used(free_slots_.size(), 0);
    for (const Task& task : tasks_) {
        counted.waiting += is<Waiting>(task.state);
        counted.ready += is<Ready>(task.state) || is<BackingOff>(task.state);
        counted.running += is<Running>(task.state) || is<RunningOnPeer>(task.state);
        counted.done += is<Done>(task.state);
        counted.failed += is<Failed>(task.state);
        counted.quarantined += is<Quarantined>(task.state);
        counted.blocked += is<Blocked>(task.state);
        if (const auto* running = std::get_if<Running>(&task.state)) {
            for (const Rank rank : running->ranks) ++used[rank];
        }
    }
    require(counted == counts_, "the counts are those of the states");
    for (const TaskIndex task : tasks_.indices()) check_task(task);
    for (const Rank rank : used.indices()) {
        require(used[rank] + free_slots_[rank] == slots_[rank], "every slot is used once");
        require(free_slots_[rank] >= 0 || slots_[rank] < resources_.slots_per_rank,
                "no rank is overfull");
    }
}

void Schedule::check_task(TaskIndex index) const {
    const Task& task = tasks_[index];
    int open = 0;
    bool need_failed = false;
    for (const TaskIndex need : task.needs) {
        open += !is<Done>(state(need));
        need_failed |=
            is<Failed>(state(need)) || is<Quarantined>(state(need)) || is<Blocked>(state(need));
    }
    if (const auto* waiting = std::get_if<Waiting>(&task.state)) {
        require(waiting->open_needs == open && open > 0, "a waiting task counts its open needs");
        require(!need_failed, "a task whose need failed does not wait");
    } else if (!is<Blocked>(task.state)) {
        require(open == 0 || is<Done>(task.state),
                "only waiting and blocked tasks have open needs");
    } else {
        require(need_failed, "a task is blocked by a need that failed");
    }
    require(ready_.contains(index) == is<Ready>(task.state), "the ready set has the ready tasks");
    if (const auto* running = std::get_if<Running>(&task.state)) {
        const std::set<Rank> distinct(running->ranks.begin(), running->ranks.end());
        require(static_cast<int>(running->ranks.size()) == task.ranks,
                "a running task has its ranks");
        require(distinct.size() == running->ranks.size(), "a gang's ranks differ");
    }
}

} // namespace dagan::launcher
