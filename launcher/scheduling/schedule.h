// Decides which task runs where, and what the end of an attempt means. A pure state machine over
// the plan: events in, decisions out. It knows no clock, process, file or MPI, so the tests and the
// forecast run the same code as a campaign. Details: docs/internals/scheduling.md.
//
// Order. The ready task with the longest expected path to the end of the plan starts first. A gang
// (a task of several ranks) takes one free slot on each of its ranks. While the first gang in the
// order does not fit, one slot stays free on each of the ranks that it will get, so that the tasks
// after it cannot starve it; they fill the other slots.
//
// Failures. An attempt that fails without leaving a new checkpoint is charged to the task; a task
// that has spent its attempt budget is given up. A failed task runs next on a node where it has not
// failed. NodeHealth decides which nodes back off, are probed or get no more work; the charges of
// failures on a bad node are refunded. A task with which the whole MPI job was lost twice is
// isolated: it runs alone, so if the job is lost again, that task is the cause.
//
//     Schedule schedule(plan, expected_seconds, {.ranks = 4, .slots_per_rank = 2});
//     for (const Placement& placement : schedule.schedule_ready()) launch(placement);
//     const AttemptDecision decision = schedule.on_ended(task, Outcome::died, "killed", false);
//     if (decision.task_backs_off) call_later([&] { schedule.wake_task(task); });
#pragma once

#include "launcher/scheduling/indices.h"
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

// The states of a task, each with the data that only this state needs.
struct Waiting {
    int open_needs = 0; // needed tasks that are not done
};
struct Ready {};
// After a system error, until wake_task().
struct BackingOff {};
struct Running {
    std::vector<Rank> ranks;
};
// A peer allocation holds the task's lease.
struct RunningOnPeer {};
struct Done {};
struct Failed {
    Outcome outcome;
    std::string error;
};
// Its last attempt ended as died, stuck or lost.
struct Quarantined {
    Outcome outcome;
    std::string error;
};
// A task that it needs, directly or not, failed.
struct Blocked {
    TaskIndex by;
};
using TaskState = std::variant<Waiting, Ready, BackingOff, Running, RunningOnPeer, Done, Failed,
                               Quarantined, Blocked>;

// Tasks by state. BackingOff counts as ready, RunningOnPeer as running.
struct TaskCounts {
    int waiting = 0, ready = 0, running = 0, done = 0, failed = 0, quarantined = 0, blocked = 0;
    int total() const { return waiting + ready + running + done + failed + quarantined + blocked; }
    bool all_ended() const { return waiting + ready + running == 0; }

    DAGAN_FIELDS(waiting, ready, running, done, failed, quarantined, blocked)
    bool operator==(const TaskCounts&) const = default;
};

// The decision to start `task` on `ranks`; ranks[i] runs position i of a gang.
struct Placement {
    TaskIndex task = 0;
    std::vector<Rank> ranks;
    bool operator==(const Placement&) const = default;
};

// The consequences of an attempt's end, for the caller to apply.
struct AttemptDecision {
    // The task has ended: record the outcome as the task's.
    bool final = false;
    // The attempt is not charged to the task.
    bool refund = false;
    // Call wake_task() after a back-off.
    bool task_backs_off = false;
    // Call wake_node() after a back-off.
    std::optional<NodeIndex> node_backs_off = {};
    // The node was found bad: record that all failures on it are refunded. Schedule has refunded
    // its own charges.
    std::optional<NodeIndex> bad_node = {};
};

// The caller's answer when a task has ranks and is about to start.
enum class Admission {
    now,
    later,  // not in this call of schedule_ready(); the task stays ready
    on_peer // a peer allocation holds its lease
};

// The attempts of a task, as the store has them. history_of() makes it
// (launcher/campaign/task_history.h).
struct TaskHistory {
    // The outcome, if the task has ended.
    std::optional<Outcome> ended = {};
    // Of the latest attempt; "" if there was none.
    std::string error = {};
    // Attempts charged to the task's budget,
    int charged = 0;
    // and those of them that were lost with the whole MPI job.
    int lost = 0;
    // The latest attempt is one of these, and has been found lost only now.
    bool last_lost = false;
};

class Schedule {
  public:
    struct Resources {
        int ranks = 1;
        // Attempts that may run on one rank at the same time.
        int slots_per_rank = 1;
        // Attempt budget: the number of charged attempts after which a task is given up.
        int max_attempts = 5;
    };

    // `expected_seconds`, by task, determines the order; the unit does not matter. Neither argument
    // is kept. Throws Blame::input if a gang has more members than there are ranks, Blame::bug if
    // `expected_seconds` is not as long as the plan.
    Schedule(const Plan& plan, const std::vector<double>& expected_seconds, Resources resources);
    Schedule(const Schedule&) = delete; // ready_ points into tasks_
    Schedule& operator=(const Schedule&) = delete;

    // Takes over what the store knows about a task. Call it for each task in the plan's order when
    // a job begins, and again for a task that a peer allocation may have run. The state of a task
    // that is running or has ended does not change. An open task keeps at least one attempt. The
    // exception is a task whose budget is spent and with which the job was lost although the task
    // was isolated: it is quarantined, and `final` in the result asks the caller to record that.
    AttemptDecision restore(TaskIndex task, const TaskHistory& history);
    // A peer allocation runs a task that is ready here, or does not run it any more. No-ops in
    // other states.
    void on_running_on_peer(TaskIndex task);
    void on_left_by_peer(TaskIndex task);

    // Sets the node of `rank`. Until then, all ranks count as one node.
    void set_host(Rank rank, const std::string& host);
    // Replays an attempt of an earlier job on `host` into the node health. Call it in the order of
    // the attempts. Returns the node if this attempt made it bad.
    std::optional<NodeIndex> replay_history(TaskIndex task, const std::string& host,
                                            Outcome outcome);

    // Starts every task that can start, and returns where; these tasks are running from then on.
    // `admit` is asked before each start. It may call restore() for that task, which may end it;
    // the task then does not start.
    using Admit = std::function<Admission(TaskIndex)>;
    std::vector<Placement> schedule_ready(const Admit& admit = {});

    // Ends the attempt of a running task. `progressed`: it left a later checkpoint than the one it
    // began with. `failed_rank`: the rank of the member that caused the end, whose node the failure
    // counts against; by default the rank of position 0. Throws Blame::bug if the task is not
    // running.
    AttemptDecision on_ended(TaskIndex task, Outcome outcome, const std::string& error,
                             bool progressed, std::optional<Rank> failed_rank = {});
    // End a back-off that an AttemptDecision asked for.
    void wake_task(TaskIndex task);
    void wake_node(NodeIndex node) { node_health_.wake(node); }

    // From now on schedule_ready() starts nothing (stop request, deadline).
    void stop_starting() { starting_ = false; }

    const TaskState& state(TaskIndex task) const { return tasks_[task].state; }
    // Returns whether the task is done, failed, quarantined or blocked.
    bool ended(TaskIndex task) const;
    // Returns whether the task runs only when nothing else runs in this job.
    bool isolated(TaskIndex task) const { return tasks_[task].isolated; }
    // Returns the number of attempts charged to the task's budget.
    int charged(TaskIndex task) const { return tasks_[task].charged; }
    const TaskCounts& counts() const { return counts_; }
    // Returns the free slots of a rank; negative while more run than the rank's slots were cut to.
    int free_slots(Rank rank) const { return free_slots_[rank]; }
    const NodeHealth& node_health() const { return node_health_; }

    // Throws Blame::bug if the states of tasks, counts and slots contradict each other. For tests;
    // takes time proportional to the plan.
    void check_invariants() const;

  private:
    struct Task {
        TaskState state;
        std::vector<TaskIndex> needs, needed_by;
        int ranks = 1;
        double path_seconds = 0; // expected, from its start to the end of the plan
        int charged = 0;
        bool isolated = false;
    };
    using Tasks = IndexVector<TaskIndex, Task>;
    struct LongestPathFirst {
        const Tasks* tasks;
        bool operator()(TaskIndex a, TaskIndex b) const;
    };

    // All changes of a task's state go through set_state(), which keeps the counts.
    void set_state(TaskIndex task, TaskState state);
    int& counter_of(const TaskState& state);
    bool admitted(TaskIndex task, const Admit& admit);
    std::optional<std::vector<Rank>> find_ranks(TaskIndex task,
                                                const std::set<Rank>& reserved) const;
    bool may_run_on(TaskIndex task, Rank rank) const;
    void start(TaskIndex task, const std::vector<Rank>& ranks);
    void start_one_isolated(std::vector<Placement>& placements, const Admit& admit);
    std::set<Rank> ranks_to_reserve(TaskIndex gang) const;
    void sort_by_free_slots(std::vector<Rank>& ranks) const;
    int ranks_on_healthy_nodes() const;
    void conclude(TaskIndex task, Outcome outcome, const std::string& error);
    void become_ready(TaskIndex task);
    void become_done(TaskIndex task);
    void become_failed(TaskIndex task, TaskState state);
    AttemptDecision after_failure(TaskIndex task, Outcome outcome, const std::string& error,
                                  bool progressed, Rank failed_rank);
    void halve_slots(const std::vector<Rank>& ranks);
    void judge_node(TaskIndex task, NodeIndex node, AttemptDecision& decision);
    void check_task(TaskIndex task) const;

    Tasks tasks_;
    std::set<TaskIndex, LongestPathFirst> ready_;
    IndexVector<Rank, int> slots_;
    // Negative while a rank has more running attempts than slots (halve_slots).
    IndexVector<Rank, int> free_slots_;
    NodeHealth node_health_;
    IndexVector<Rank, NodeIndex> node_of_;
    // Charges for failures on each node, by task; refunded if the node turns out to be bad.
    std::map<NodeIndex, std::map<TaskIndex, int>> charged_on_;
    bool isolated_runs_ = false;
    TaskCounts counts_;
    int on_peers_ = 0; // tasks that run on a peer; they are counted as running
    Resources resources_;
    bool starting_ = true;
};

} // namespace dagan::launcher
