// Runs a campaign: fill, wait, apply. What is ready is decided by Schedule, what is durable by Store, who works by WorkerPool,
// what other allocations leave to this one by OtherAllocations; this class only carries between them. Events come in by on_...();
// turn() then commits what they changed, starts what can start and commits the attempts before their first instruction. It owns
// no process, socket or clock, so that tests and the simulator drive it with fakes.
#pragma once

#include "launcher/campaign/status.h"
#include "launcher/coordinator/peer_allocations.h"
#include "launcher/protocol/messages.h"
#include "launcher/scheduling/schedule.h"
#include "results/store/store.h"
#include "spec/task.h"

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace dagan::launcher {

// The ranks, as the coordinator sees them.
class WorkerPool {
  public:
    virtual ~WorkerPool() = default;
    virtual void assign(Rank rank, const Assign& assignment) = 0;
    virtual void abandon(Rank rank,
                         int64_t attempt) = 0; // end it at once; it comes back as interrupted
    virtual void stop_work() = 0;              // everywhere: checkpoint and return
    virtual void shut_down() = 0;              // everywhere: the job is over
};

class Coordinator {
  public:
    // A number that changes when a task's checkpoint does; 0 when there is none. Tells progress from running in circles.
    using CheckpointStamp = std::function<int64_t(const std::string& task)>;

    // Takes up the campaign from what the store knows. `expected_seconds` per task orders the tasks and gives the first ETA.
    // `others`: null where the store is this coordinator's alone. All references must outlive the coordinator.
    Coordinator(const Plan& plan, const std::vector<double>& expected_seconds,
                Schedule::Resources resources, results::Store& store, WorkerPool& pool,
                CheckpointStamp checkpoint_stamp, PeerAllocations* peers = nullptr);

    // What earlier jobs' attempts say about the nodes; not when a person starts the campaign again, having mended them perhaps.
    void replay_history(const std::vector<results::PastAttempt>& history);

    void on_rank_up(Rank rank, const RankUp& message);
    void on_progress(const Progress& message);
    // One member of an attempt ended. Ignored when it is not of the task's current attempt.
    void on_ended(const Ended& message);
    // Stop request or deadline: nothing new starts, what runs is told to write a checkpoint.
    void on_stop_requested();

    static constexpr double kForEver = std::numeric_limits<double>::infinity();
    // Call after the events of one look at the world. `now_s`: any clock that only goes forward. `time_left_s`: until a stop will
    // be asked for, as the allocation ends; what could not start, make a step and save it by then does not start. Throws
    // Blame::system when the store cannot be written.
    void turn(double now_s, double time_left_s = kForEver);

    // Nothing runs, and nothing will: all tasks ended, or a stop was asked for.
    bool over() const;
    // It asked itself to stop, as what is left of the time is too short for anything.
    bool out_of_time() const { return out_of_time_; }
    Status status(double now_s) const;
    const Schedule& schedule() const { return schedule_; }

  private:
    struct Attempt {
        int64_t token = 0;
        std::vector<Rank> ranks;
        int members_running = 0;
        std::optional<TaskResult> first = {}; // position 0's word
        std::optional<TaskResult> fault = {}; // the first member's that failed by itself,
        Rank failed_rank = 0;                 // and its rank; the first when there is none
        int64_t checkpoint_stamp = 0;
        double started_s = 0;
        int64_t step = 0, steps = 0, first_step = -1;
        bool abandoned = false; // another allocation has the task
    };

    // As measured in this job, of one kind of task.
    struct Pace {
        double start_s =
            0; // from the assignment to the first step; the quickest, as others waited for a trainer
        double longest_step_s = 0; // the writing of checkpoints is among the steps
    };

    struct BackoffTask {
        TaskIndex task;
    };
    struct BackoffNode {
        NodeIndex node;
    };
    using BackoffEntry = std::variant<BackoffTask, BackoffNode>;

    void restore();
    void restore_task(const results::StoredTask& task);
    bool is_current(TaskIndex task, int64_t attempt);
    void wake_backed_off();
    void sync_with_peers();
    void on_lease_lost(TaskIndex task);
    std::vector<Placement> decide(double time_left_s);
    Admission admit(TaskIndex task, double time_left_s);
    void give_back_leases();
    double needed_seconds(TaskKind kind) const;
    void enter_attempts(const std::vector<Placement>& decisions);
    void apply_decision(TaskIndex task, const AttemptDecision& verdict);
    void start(const Placement& decision);
    void conclude(TaskIndex task, const Attempt& attempt);
    void requeue(TaskIndex task);
    TaskResult result_of(TaskIndex task, const Attempt& attempt) const;
    double done_share(TaskIndex task) const;
    double remaining_seconds() const;
    const PlannedTask& planned(TaskIndex task) const {
        return plan_.tasks[static_cast<size_t>(task)];
    }

    const Plan& plan_;
    std::vector<double> expected_seconds_;
    Schedule schedule_;
    results::Store& store_;
    WorkerPool& pool_;
    CheckpointStamp checkpoint_stamp_;
    PeerAllocations* peers_;

    std::unordered_map<std::string, TaskIndex> index_of_;
    std::map<TaskIndex, Attempt> running_;
    std::vector<std::string> host_of_;
    std::multimap<double, BackoffEntry> backoffs_; // by the time of waking
    std::vector<std::string> shut_out_;            // bad nodes
    std::set<TaskIndex> leased_;                   // what we may work on, where there are others
    std::map<TaskKind, Pace> paces_;
    std::set<TaskKind> too_late_; // what no longer starts, as the time is too short
    double now_s_ = 0;            // of the last turn
    bool stopping_ = false;
    bool out_of_time_ = false;
    bool changed_ = false; // since the last commit
    double started_s_ = -1;
    double first_remaining_s_ = 0; // expected, when this job began
    int64_t steps_ended_ = 0;      // of attempts that ended in this job
    int advances_ =
        0; // tasks that this job ended, attempts of it or before it that left a new checkpoint
};

} // namespace dagan::launcher
