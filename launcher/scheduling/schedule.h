// Which task runs where, and what an ended attempt means. A pure state machine over the plan: events in, decisions out; it knows
// no clock, process, file or MPI, so tests and the simulator drive the very code that a campaign runs on.
//
// Order: the ready task with the longest expected path to the end of the plan first. A gang (a task of several ranks) takes one
// free slot on each of its ranks; while the first gang in the order does not fit yet, a slot on each of the ranks that it will
// get is kept free for it, so that the tasks after it cannot starve it, and those fill the other slots.
//
// Failures: a task is given up when its credits are spent; a node (BlameMatrix) rests, is probed and may be shut out, and what
// failed on a bad node is forgiven. A failed task runs next on a node where it has not failed yet. A task with which the whole
// MPI job was lost twice runs alone, so that a third time convicts it and nobody else.
#pragma once

#include "launcher/scheduling/node_health.h"
#include "spec/result.h"
#include "spec/task.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace dagan::launcher {

using Rank = int;

// The states of a task; each carries just what it needs.
struct Waiting {
    int open_needs = 0;
};
struct Ready {};
struct BackingOff {}; // after an error of the system, until wake_task()
struct Running {
    std::vector<Rank> ranks;
};
struct RunningOnPeer {}; // another allocation works on it
struct Done {};
struct Failed {
    Outcome outcome;
    std::string error;
};
struct Quarantined {
    Outcome outcome;
    std::string error;
}; // kept killing its trainers
struct Blocked {
    TaskIndex by;
}; // a task that it needs failed
using TaskState = std::variant<Waiting, Ready, BackingOff, Running, RunningOnPeer, Done, Failed,
                               Quarantined, Blocked>;

struct TaskCounts { // resting tasks count as ready, those that run elsewhere as running
    int waiting = 0, ready = 0, running = 0, done = 0, failed = 0, quarantined = 0, blocked = 0;
    int total() const { return waiting + ready + running + done + failed + quarantined + blocked; }
    bool all_ended() const { return waiting + ready + running == 0; }

    DAGAN_FIELDS(waiting, ready, running, done, failed, quarantined, blocked)
    bool operator==(const TaskCounts&) const = default;
};

// A decision: this task starts now on these ranks (the first is the gang's position 0).
struct Placement {
    TaskIndex task = 0;
    std::vector<Rank> ranks;
    bool operator==(const Placement&) const = default;
};

// What follows from an attempt's end. For the store: is the task over, and is the attempt's credit given back? For the clock: who
// is to be woken after a while? When a node is found bad, what failed there is forgiven.
struct AttemptDecision {
    bool final = false;
    bool refund = false;
    bool task_backs_off = false;
    std::optional<NodeIndex> node_backs_off = {};
    std::optional<NodeIndex> bad_node = {};
};

// May a task start that has its turn and its ranks?
enum class Admission {
    now,
    later,  // not in this turn; it stays ready
    on_peer // another allocation has it
};

// What the store knows of a task that no rank of ours works on.
struct TaskHistory {
    std::optional<Outcome> ended = {}; // as stored
    std::string error = {};
    int charged = 0;        // attempts that cost a credit
    int lost = 0;           // of these, with the whole job
    bool last_lost = false; // the latest was one of them
};

class Schedule {
  public:
    struct Resources {
        int ranks = 1;
        int slots_per_rank = 1; // trainers side by side
        int max_attempts = 5;   // charged attempts after which a task is given up
    };

    // `expected_seconds` per task orders the tasks; any unit will do. Throws Blame::input when a gang is larger than the ranks.
    Schedule(const Plan& plan, const std::vector<double>& expected_seconds, Resources resources);
    Schedule(const Schedule&) = delete; // the order of the ready tasks looks into tasks_
    Schedule& operator=(const Schedule&) = delete;

    // When a job begins, in the plan's order; and whenever another allocation may have had the task. At least one more attempt
    // is left to a task that has not ended, unless the job died even when it ran alone: then it is quarantined, which is for the
    // store to record (`final`).
    AttemptDecision restore(TaskIndex task, const TaskHistory& past);
    // Another allocation works on a task that is ready; it does so no longer.
    void on_running_on_peer(TaskIndex task);
    void on_left_by_peer(TaskIndex task);

    // The machine of a rank; until told, all ranks are on one.
    void set_host(Rank rank, const std::string& host);
    // An earlier job's attempt: what it says about its node.
    void replay_history(TaskIndex task, const std::string& host, Outcome outcome);

    // Starts everything that can start now; the tasks returned are running from here on. `admit` is asked before each; it may
    // restore() the task and thereby end it.
    using Admit = std::function<Admission(TaskIndex)>;
    std::vector<Placement> schedule_ready(const Admit& admit = {});

    // An attempt of a running task ended. `progressed`: it left a later checkpoint than the one it began with. `culprit`: the
    // rank whose member explains the end, the attempt's first when not given.
    AttemptDecision on_ended(TaskIndex task, Outcome outcome, const std::string& error,
                             bool progressed, std::optional<Rank> failed_rank = {});
    void wake_task(TaskIndex task);
    void wake_node(NodeIndex node) { node_health_.wake(node); }

    // Nothing starts any more (stop request, deadline).
    void stop_starting() { starting_ = false; }

    const TaskState& state(TaskIndex task) const { return tasks_[static_cast<size_t>(task)].state; }
    bool ended(TaskIndex task) const; // done, or given up for good or for now
    int charged(TaskIndex task) const { return tasks_[static_cast<size_t>(task)].charged; }
    const TaskCounts& counts() const { return counts_; }
    int free_slots(Rank rank) const { return free_slots_[static_cast<size_t>(rank)]; }
    const NodeHealth& node_health() const { return node_health_; }

    // Throws Blame::bug when a rule is broken: open needs counted right, no rank overfull, ready set right. For tests; O(tasks).
    void check_invariants() const;

  private:
    struct Task {
        TaskState state;
        std::vector<TaskIndex> needs, needed_by;
        int ranks = 1;
        double path_seconds = 0; // expected, from its start to the end of the plan
        int charged = 0;
        bool isolated = false; // the whole job was lost with it too often for it to have company
    };
    struct LongestPathFirst {
        const std::vector<Task>* tasks;
        bool operator()(TaskIndex a, TaskIndex b) const;
    };

    void set_state(TaskIndex task, TaskState state); // the one place where a state changes
    int& counter_of(const TaskState& state);
    Task& at(TaskIndex task) { return tasks_[static_cast<size_t>(task)]; }
    bool admitted(TaskIndex task, const Admit& admit);
    std::optional<std::vector<Rank>> find_ranks(TaskIndex task, const std::set<Rank>& kept) const;
    bool may_run_on(TaskIndex task, Rank rank) const;
    void start(TaskIndex task, const std::vector<Rank>& ranks);
    void start_one_isolated(std::vector<Placement>& starts, const Admit& admit);
    std::set<Rank> ranks_to_keep(TaskIndex gang) const;
    int ranks_in_service() const;
    NodeIndex node_of(Rank rank) const { return node_of_[static_cast<size_t>(rank)]; }
    void conclude(TaskIndex task, Outcome outcome, const std::string& error);
    void become_ready(TaskIndex task);
    void become_done(TaskIndex task);
    void become_failed(TaskIndex task, TaskState state);
    AttemptDecision after_failure(TaskIndex task, Outcome outcome, const std::string& error,
                                  bool progressed, Rank failed_rank);
    void halve_slots(const std::vector<Rank>& ranks);
    void judge_node(TaskIndex task, NodeIndex node, AttemptDecision& verdict);

    std::vector<Task> tasks_;
    std::set<TaskIndex, LongestPathFirst> ready_;
    std::vector<int> slots_,
        free_slots_; // by rank; free ones may be negative while slots are being given up
    NodeHealth node_health_;
    std::vector<NodeIndex> node_of_; // by rank
    std::map<NodeIndex, std::map<TaskIndex, int>>
        charged_on_; // credits that failures on a node cost
    bool isolated_runs_ = false;
    TaskCounts counts_;
    int on_peers_ = 0; // of those that count as running
    Resources resources_;
    bool starting_ = true;
};

} // namespace dagan::launcher
