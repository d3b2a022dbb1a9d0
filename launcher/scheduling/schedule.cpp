#include "launcher/scheduling/schedule.h"

#include "base/error.h"
#include "base/topology.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::launcher {

namespace {
bool speaks_against_its_node(Outcome outcome) {
    return outcome == Outcome::died || outcome == Outcome::stuck ||
           outcome == Outcome::system_error || outcome == Outcome::out_of_memory;
}

constexpr int kLostInCompany =
    2; // times that the whole job may be lost with a task before it runs alone

template <class State> bool is(const TaskState& state) {
    return std::holds_alternative<State>(state);
}
} // namespace

bool Schedule::LongestPathFirst::operator()(TaskIndex a, TaskIndex b) const {
    const double path_a = (*tasks)[static_cast<size_t>(a)].path_seconds,
                 path_b = (*tasks)[static_cast<size_t>(b)].path_seconds;
    return path_a != path_b ? path_a > path_b : a < b;
}

Schedule::Schedule(const Plan& plan, const std::vector<double>& expected_seconds,
                   Resources resources)
    : tasks_(plan.tasks.size()), ready_(LongestPathFirst{&tasks_}),
      slots_(static_cast<size_t>(resources.ranks), resources.slots_per_rank), free_slots_(slots_),
      node_of_(static_cast<size_t>(resources.ranks), node_health_.node("")), resources_(resources) {
    for (Rank rank = 0; rank < resources.ranks; ++rank) node_health_.add_rank(node_of(rank));
    require(expected_seconds.size() == plan.tasks.size(), "an expected time for every task");
    for (TaskIndex i = 0; i < static_cast<int>(tasks_.size()); ++i) {
        const PlannedTask& planned = plan.tasks[static_cast<size_t>(i)];
        Task& task = at(i);
        task.ranks = ranks_of(planned.spec);
        if (task.ranks > resources.ranks) {
            throw input_error(fmt::format("{}: needs {} ranks, the run has {}; hint: start at "
                                          "least {} (-n {}), or --set resources.gan_ranks={}",
                                          label_of(planned.spec), task.ranks, resources.ranks,
                                          task.ranks, task.ranks, resources.ranks));
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

AttemptDecision Schedule::restore(TaskIndex index, const TaskHistory& past) {
    Task& task = at(index);
    task.charged = std::min(past.charged, resources_.max_attempts -
                                              1); // a new job gives every open task an attempt
    task.isolated = past.lost >= kLostInCompany;
    const bool open = is<Waiting>(task.state) || is<Ready>(task.state) ||
                      is<BackingOff>(task.state) || is<RunningOnPeer>(task.state);
    if (!open) return {};
    const bool convicted =
        past.last_lost && past.lost > kLostInCompany && past.charged >= resources_.max_attempts;
    if (!past.ended && !convicted) return {};
    ready_.erase(index);
    conclude(index, past.ended.value_or(Outcome::lost), past.error);
    return {.final = !past.ended};
}

bool Schedule::ended(TaskIndex index) const {
    const TaskState& state = this->state(index);
    return is<Done>(state) || is<Failed>(state) || is<Quarantined>(state) || is<Blocked>(state);
}

void Schedule::on_running_on_peer(TaskIndex index) {
    if (!is<Ready>(at(index).state)) return;
    ready_.erase(index);
    set_state(index, RunningOnPeer{});
}

void Schedule::on_left_by_peer(TaskIndex index) {
    if (is<RunningOnPeer>(at(index).state)) become_ready(index);
}

void Schedule::set_host(Rank rank, const std::string& host) {
    NodeIndex& node = node_of_[static_cast<size_t>(rank)];
    node_health_.remove_rank(node);
    node = node_health_.node(host);
    node_health_.add_rank(node);
}

void Schedule::replay_history(TaskIndex task, const std::string& host, Outcome outcome) {
    const NodeIndex node = node_health_.node(host);
    if (outcome == Outcome::done || outcome == Outcome::diverged)
        node_health_.on_success(task, node);
    if (speaks_against_its_node(outcome)) node_health_.on_failure(task, node);
    node_health_.wake(node); // it has rested long enough
}

// A diverged classifier is a result; a diverged DAGAN leaves nothing for those that need it.
void Schedule::conclude(TaskIndex task, Outcome outcome, const std::string& error) {
    const bool diverged_for_nobody = outcome == Outcome::diverged && at(task).needed_by.empty();
    if (outcome == Outcome::done || diverged_for_nobody) {
        become_done(task);
    } else if (outcome == Outcome::died || outcome == Outcome::stuck || outcome == Outcome::lost) {
        become_failed(task, Quarantined{outcome, error});
    } else {
        become_failed(task, Failed{outcome, error});
    }
}

std::vector<Placement> Schedule::schedule_ready(const Admit& admit) {
    std::vector<Placement> starts;
    if (!starting_ || isolated_runs_) return starts;
    std::set<Rank> kept;
    int free = 0;
    for (const int slots : free_slots_) free += std::max(0, slots);
    for (auto next = ready_.begin(); next != ready_.end() && free > 0;) {
        const TaskIndex index = *next++;
        const Task& task = at(index);
        const auto ranks = task.isolated ? std::nullopt : find_ranks(index, kept);
        if (ranks) {
            if (!admitted(index, admit)) continue;
            start(index, *ranks);
            starts.push_back({index, *ranks});
            free -= task.ranks;
        } else if (!task.isolated) {
            if (kept.empty() && task.ranks > 1) kept = ranks_to_keep(index);
            const bool choosy = task.ranks > 1 || node_health_.failed_on(index) != nullptr;
            if (!choosy) break; // no slot for it is no slot for any other small task
        }
    }
    if (starts.empty() && counts_.running == on_peers_) start_one_isolated(starts, admit);
    return starts;
}

// What the store tells of a task may have ended it, or made it one that runs alone.
bool Schedule::admitted(TaskIndex index, const Admit& admit) {
    if (!admit) return true;
    const bool isolated = at(index).isolated;
    const Admission admission = admit(index);
    if (admission == Admission::on_peer) on_running_on_peer(index);
    return admission == Admission::now && is<Ready>(at(index).state) &&
           at(index).isolated == isolated;
}

void Schedule::start(TaskIndex index, const std::vector<Rank>& ranks) {
    for (const Rank rank : ranks) {
        --free_slots_[static_cast<size_t>(rank)];
        node_health_.on_start(node_of(rank));
    }
    ready_.erase(index);
    set_state(index, Running{ranks});
}

// Nothing runs and nothing else can start.
void Schedule::start_one_isolated(std::vector<Placement>& starts, const Admit& admit) {
    for (auto next = ready_.begin(); next != ready_.end();) {
        const TaskIndex index = *next++;
        if (!at(index).isolated) continue;
        const auto ranks = find_ranks(index, {});
        if (!ranks) return;
        if (!admitted(index, admit)) continue;
        isolated_runs_ = true;
        start(index, *ranks);
        starts.push_back({index, *ranks});
        return;
    }
}

// Ranks with a free slot each, the emptiest first, a gang's on as few nodes as may be; of the ranks in `kept` one slot is not
// free.
std::optional<std::vector<Rank>> Schedule::find_ranks(TaskIndex index,
                                                      const std::set<Rank>& kept) const {
    const auto ranks = static_cast<size_t>(tasks_[static_cast<size_t>(index)].ranks);
    std::vector<Rank> candidates;
    for (Rank rank = 0; rank < resources_.ranks; ++rank) {
        if (free_slots(rank) > (kept.contains(rank) ? 1 : 0) && may_run_on(index, rank))
            candidates.push_back(rank);
    }
    if (candidates.size() < ranks) return std::nullopt;
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](Rank a, Rank b) { return free_slots(a) > free_slots(b); });
    if (ranks == 1) return std::vector{candidates.front()};
    return on_few_nodes(candidates, ranks, [&](Rank rank) { return node_of(rank); });
}

// A small task keeps away from nodes that rest or are bad, and goes first where it has not failed. A gang wants good nodes only,
// and takes others when there are not enough.
bool Schedule::may_run_on(TaskIndex index, Rank rank) const {
    const NodeIndex node = node_of(rank);
    const NodeHealth::State standing = node_health_.state(node);
    const int ranks = tasks_[static_cast<size_t>(index)].ranks;
    if (standing != NodeHealth::State::healthy && ranks > ranks_in_service())
        return standing != NodeHealth::State::backing_off;
    if (ranks > 1) return standing == NodeHealth::State::healthy;
    const std::set<NodeIndex>* failed = node_health_.failed_on(index);
    return node_health_.usable(node) &&
           (failed == nullptr || !failed->contains(node) || node_health_.failed_everywhere(index));
}

int Schedule::ranks_in_service() const {
    return static_cast<int>(std::count_if(node_of_.begin(), node_of_.end(), [&](NodeIndex node) {
        return node_health_.state(node) == NodeHealth::State::healthy;
    }));
}

// The ranks that a gang waits for: of those where it may run, the ones with the most free slots now. Lower tasks must leave it a
// slot on each.
std::set<Rank> Schedule::ranks_to_keep(TaskIndex gang) const {
    std::vector<Rank> suited;
    for (Rank rank = 0; rank < resources_.ranks; ++rank) {
        if (may_run_on(gang, rank)) suited.push_back(rank);
    }
    std::stable_sort(suited.begin(), suited.end(),
                     [&](Rank a, Rank b) { return free_slots(a) > free_slots(b); });
    suited.resize(
        std::min(suited.size(), static_cast<size_t>(tasks_[static_cast<size_t>(gang)].ranks)));
    return {suited.begin(), suited.end()};
}

AttemptDecision Schedule::on_ended(TaskIndex index, Outcome outcome, const std::string& error,
                                   bool progressed, std::optional<Rank> failed_rank) {
    const auto* running = std::get_if<Running>(&at(index).state);
    require(running != nullptr, "only a running task ends");
    const std::vector<Rank> ranks = running->ranks;
    for (const Rank rank : ranks) ++free_slots_[static_cast<size_t>(rank)];
    isolated_runs_ = false; // if it was alone, nothing else runs
    switch (outcome) {
    case Outcome::done:
    case Outcome::diverged:
        for (const Rank rank : ranks) node_health_.on_success(index, node_of(rank));
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

// Retrying, by cause (orchestration: "Retrying, by cause"). The attempt was charged when it started.
AttemptDecision Schedule::after_failure(TaskIndex index, Outcome outcome, const std::string& error,
                                        bool progressed, Rank failed_rank) {
    AttemptDecision verdict;
    judge_node(index, node_of(failed_rank), verdict);
    verdict.refund = progressed || verdict.bad_node;
    Task& task = at(index);
    if (!verdict.refund) {
        ++task.charged;
        ++charged_on_[node_of(failed_rank)][index];
    }
    verdict.final = task.charged >= resources_.max_attempts;
    verdict.task_backs_off = !verdict.final && outcome == Outcome::system_error;
    if (verdict.final) {
        conclude(index, outcome, error);
    } else if (verdict.task_backs_off) {
        set_state(index, BackingOff{});
    } else {
        become_ready(index);
    }
    return verdict;
}

void Schedule::judge_node(TaskIndex task, NodeIndex node, AttemptDecision& verdict) {
    const NodeHealth::Change change = node_health_.on_failure(task, node);
    if (change == NodeHealth::Change::backs_off) verdict.node_backs_off = node;
    if (change != NodeHealth::Change::is_bad) return;
    verdict.bad_node = node;
    for (const auto& [charged, credits] : charged_on_[node]) at(charged).charged -= credits;
    charged_on_.erase(node);
}

// Half as many side by side on ranks where the memory did not suffice.
void Schedule::halve_slots(const std::vector<Rank>& ranks) {
    for (const Rank rank : ranks) {
        int& slots = slots_[static_cast<size_t>(rank)];
        const int fewer = std::max(1, slots / 2);
        free_slots_[static_cast<size_t>(rank)] += fewer - slots;
        slots = fewer;
    }
}

void Schedule::wake_task(TaskIndex index) {
    if (is<BackingOff>(at(index).state)) become_ready(index);
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
    on_peers_ -= is<RunningOnPeer>(at(index).state);
    at(index).state = std::move(state);
    on_peers_ += is<RunningOnPeer>(at(index).state);
    ++counter_of(at(index).state);
}

int& Schedule::counter_of(const TaskState& state) {
    // In the order of TaskState's alternatives.
    int* const counters[] = {&counts_.waiting, &counts_.ready,       &counts_.ready,
                             &counts_.running, &counts_.running,     &counts_.done,
                             &counts_.failed,  &counts_.quarantined, &counts_.blocked};
    return *counters[state.index()];
}

void Schedule::check_invariants() const {
    std::vector<int> used(free_slots_.size(), 0);
    TaskCounts counted;
    for (const Task& task : tasks_) {
        counted.waiting += is<Waiting>(task.state);
        counted.ready += is<Ready>(task.state) || is<BackingOff>(task.state);
        counted.running += is<Running>(task.state) || is<RunningOnPeer>(task.state);
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
            need_failed |=
                is<Failed>(state(need)) || is<Quarantined>(state(need)) || is<Blocked>(state(need));
        }
        if (const auto* waiting = std::get_if<Waiting>(&task.state)) {
            require(waiting->open_needs == open && open > 0,
                    "a waiting task counts its open needs");
            require(!need_failed, "a task whose need failed does not wait");
        } else if (!is<Blocked>(task.state)) {
            require(open == 0 || is<Done>(task.state),
                    "only waiting and blocked tasks have open needs");
        } else {
            require(need_failed, "a task is blocked by a need that failed");
        }
        require(ready_.contains(i) == is<Ready>(task.state), "the ready set holds the ready tasks");
        if (const auto* running = std::get_if<Running>(&task.state)) {
            require(static_cast<int>(running->ranks.size()) == task.ranks,
                    "a running task holds its ranks");
            require(std::set<Rank>(running->ranks.begin(), running->ranks.end()).size() ==
                        running->ranks.size(),
                    "a gang's ranks differ");
            for (const Rank rank : running->ranks) ++used[static_cast<size_t>(rank)];
        }
    }
    for (size_t rank = 0; rank < used.size(); ++rank) {
        require(used[rank] + free_slots_[rank] == slots_[rank], "every slot is used once");
        require(free_slots_[rank] >= 0 || slots_[rank] < resources_.slots_per_rank,
                "no rank is overfull");
    }
}

} // namespace dagan::launcher
