// Which task runs where, and what an ended attempt means. A pure state machine over the plan: events in, decisions out; it knows
// no clock, process, file or MPI, so tests and the simulator drive the very code that a campaign runs on.
//
// Order: the ready task with the longest expected path to the end of the plan first. A gang (a task of several ranks) takes one
// free slot on each of its ranks; while the first gang in the order does not fit yet, a slot on each of the ranks that it will
// get is kept free for it, so that the tasks after it cannot starve it, and those fill the other slots.
#pragma once

#include "spec/result.h"
#include "spec/task.h"

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace dagan {

using TaskIndex = int; // position in Plan::tasks
using Rank = int;

// The states of a task; each carries just what it needs.
struct Waiting {
    int open_needs = 0;
};
struct Ready {};
struct Running {
    std::vector<Rank> ranks;
};
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
using TaskState = std::variant<Waiting, Ready, Running, Done, Failed, Quarantined, Blocked>;

struct TaskCounts {
    int waiting = 0, ready = 0, running = 0, done = 0, failed = 0, quarantined = 0, blocked = 0;
    int total() const { return waiting + ready + running + done + failed + quarantined + blocked; }
    bool all_ended() const { return waiting + ready + running == 0; }

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("waiting", self.waiting, "");
        visit("ready", self.ready, "");
        visit("running", self.running, "");
        visit("done", self.done, "");
        visit("failed", self.failed, "");
        visit("quarantined", self.quarantined, "");
        visit("blocked", self.blocked, "");
    }
    bool operator==(const TaskCounts&) const = default;
};

// A decision: this task starts now on these ranks (the first is the gang's position 0).
struct Start {
    TaskIndex task = 0;
    std::vector<Rank> ranks;
    bool operator==(const Start&) const = default;
};

// What follows from an attempt's end, for the store: is the task over, and is the attempt's credit given back?
struct Verdict {
    bool final = false;
    bool refund = false;
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

    // Before the first fill(), in the plan's order: what the store knows. `ended` as stored, `charged` attempts so far (at least
    // one more is left to a task that has not ended).
    void restore(TaskIndex task, std::optional<Outcome> ended, const std::string& error, int charged);

    // Starts everything that can start now; the tasks returned are running from here on.
    std::vector<Start> fill();

    // An attempt of a running task ended. `progressed`: it left a later checkpoint than the one it began with.
    Verdict on_ended(TaskIndex task, Outcome outcome, const std::string& error, bool progressed);

    // Nothing starts any more (stop request, deadline).
    void stop_starting() { starting_ = false; }

    const TaskState& state(TaskIndex task) const { return tasks_[static_cast<size_t>(task)].state; }
    int charged(TaskIndex task) const { return tasks_[static_cast<size_t>(task)].charged; }
    const TaskCounts& counts() const { return counts_; }
    int free_slots(Rank rank) const { return free_slots_[static_cast<size_t>(rank)]; }

    // Throws Blame::bug when a rule is broken: open needs counted right, no rank overfull, ready set right. For tests; O(tasks).
    void check_invariants() const;

  private:
    struct Task {
        TaskState state;
        std::vector<TaskIndex> needs, needed_by;
        int ranks = 1;
        double path_seconds = 0; // expected, from its start to the end of the plan
        int charged = 0;
    };
    struct LongestPathFirst {
        const std::vector<Task>* tasks;
        bool operator()(TaskIndex a, TaskIndex b) const;
    };

    void set_state(TaskIndex task, TaskState state); // the one place where a state changes
    int& counter_of(const TaskState& state);
    Task& at(TaskIndex task) { return tasks_[static_cast<size_t>(task)]; }
    std::optional<std::vector<Rank>> place(int ranks, const std::set<Rank>& kept) const;
    std::set<Rank> ranks_to_keep(int ranks) const;
    void conclude(TaskIndex task, Outcome outcome, const std::string& error);
    void become_ready(TaskIndex task);
    void become_done(TaskIndex task);
    void become_failed(TaskIndex task, TaskState state);
    Verdict after_failure(TaskIndex task, Outcome outcome, const std::string& error, bool progressed);

    std::vector<Task> tasks_;
    std::set<TaskIndex, LongestPathFirst> ready_;
    std::vector<int> free_slots_;
    TaskCounts counts_;
    Resources resources_;
    bool starting_ = true;
};

} // namespace dagan
