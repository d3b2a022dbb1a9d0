// Runs a campaign: applies events, decides, commits, starts. It connects four parts and makes no
// policy of its own: Schedule decides what starts where and what an end means, Store makes that
// durable, WorkerPool reaches the ranks, PeerAllocations coordinates with other allocations.
//
// Events come in through the on_...() functions. turn() then starts what can start, commits
// everything that changed, and only then tells the ranks: an attempt is durable before its first
// instruction. The coordinator owns no process, socket or clock, so tests and the forecast drive it
// with fakes.
//
//     Coordinator coordinator(plan, expected_seconds, {.ranks = 4}, *store, pool, stamp);
//     while (!coordinator.over()) {
//         while (const auto ended = receive()) coordinator.on_ended(*ended);
//         coordinator.turn(seconds_now());
//     }
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

// Sends commands to the ranks.
class WorkerPool {
  public:
    virtual ~WorkerPool() = default;
    virtual void assign(Rank rank, const Assign& assignment) = 0;
    // Kill the trainer of an attempt at once; it is reported as interrupted.
    virtual void abandon(Rank rank, int64_t attempt) = 0;
    // Tell all ranks to write checkpoints and to end their attempts as interrupted.
    virtual void stop_work() = 0;
    // Tell all ranks that the MPI job is over.
    virtual void shut_down() = 0;
};

class Coordinator {
  public:
    // Returns a number that changes whenever the checkpoint of `task` (a key) does; 0 if there is
    // none. Distinguishes an attempt that progressed from one that did not.
    using CheckpointStamp = std::function<int64_t(const std::string& task)>;

    // Continues the campaign from the state in `store`. `expected_seconds`, by task, determines the
    // order and the first ETA. `peers` is null if no other coordinator uses the store. All
    // references and `peers` must outlive the coordinator. Throws as Schedule and Store do.
    Coordinator(const Plan& plan, const std::vector<double>& expected_seconds,
                Schedule::Resources resources, results::Store& store, WorkerPool& pool,
                CheckpointStamp checkpoint_stamp, PeerAllocations* peers = nullptr);

    // Replays the attempts of earlier jobs, oldest first, into the health of their nodes. Call it
    // after an automatic restart; not when a user starts the campaign, who may have fixed a node.
    void replay_history(const std::vector<results::PastAttempt>& history);

    void on_rank_up(Rank rank, const RankUp& message);
    void on_progress(const Progress& message);
    // One member of an attempt ended. Ignored, with a warning, if the attempt is not the task's
    // current one.
    void on_ended(const Ended& message);
    // Stop request or deadline: nothing new starts, and running attempts write checkpoints.
    void on_stop_requested();

    // The `time_left_s` of a job without a deadline.
    static constexpr double kForEver = std::numeric_limits<double>::infinity();
    // Call after a batch of events. `now_s`: seconds of a monotonic clock. `time_left_s`: seconds
    // until a stop will be requested because the allocation ends; a task that could not start, make
    // a step and save it in that time does not start. Throws Blame::system if the store cannot be
    // written.
    void turn(double now_s, double time_left_s = kForEver);

    // Returns whether nothing runs and nothing will start: all tasks ended, or a stop was
    // requested.
    bool over() const;
    // Returns whether the coordinator itself requested the stop, because the remaining time was too
    // short for any task.
    bool out_of_time() const { return out_of_time_; }
    // Returns the snapshot for status.json, without `name` and `restarts`. `now_s` as for turn().
    Status status(double now_s) const;
    const Schedule& schedule() const { return schedule_; }

  private:
    struct Attempt {
        int64_t token = 0;
        std::vector<Rank> ranks;
        int members_running = 0;
        // The result of position 0.
        std::optional<TaskResult> first = {};
        // The result of the first member that failed by itself, and its rank. Without a failure,
        // the rank of position 0.
        std::optional<TaskResult> failure = {};
        Rank failed_rank = 0;
        int64_t checkpoint_stamp = 0;
        double started_s = 0;
        int64_t step = 0, steps = 0;
        int64_t first_step = -1; // -1: no progress was reported yet
        bool abandoned = false;  // a peer took over the task
    };

    // Measurements of this job for one kind of task.
    struct Pace {
        // From the assignment to the first step. The shortest, since others waited for a trainer.
        double start_s = 0;
        double longest_step_s = 0; // including checkpoints
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
    void end_backoffs();
    void sync_with_peers();
    void on_lease_lost(TaskIndex task);
    std::vector<Placement> decide(double time_left_s);
    Admission admit(TaskIndex task, double time_left_s);
    void release_leases();
    double needed_seconds(TaskKind kind) const;
    void enter_attempts(const std::vector<Placement>& placements);
    void apply_decision(TaskIndex task, const AttemptDecision& decision);
    void back_off(BackoffEntry entry, int times_before);
    void shut_out(NodeIndex node);
    void start(const Placement& placement);
    void conclude(TaskIndex task, const Attempt& attempt);
    void requeue(TaskIndex task);
    TaskResult result_of(TaskIndex task, const Attempt& attempt) const;
    double done_share(TaskIndex task) const;
    double remaining_seconds() const;
    const PlannedTask& planned(TaskIndex task) const { return task_at(plan_, task); }
    std::string label(TaskIndex task) const { return label_of(planned(task).spec); }

    const Plan& plan_;
    IndexVector<TaskIndex, double> expected_seconds_;
    Schedule schedule_;
    results::Store& store_;
    WorkerPool& pool_;
    CheckpointStamp checkpoint_stamp_;
    PeerAllocations* peers_;

    std::unordered_map<std::string, TaskIndex> index_of_; // by key
    std::map<TaskIndex, Attempt> running_;
    IndexVector<Rank, std::string> host_of_;
    std::multimap<double, BackoffEntry> backoffs_; // by the time when they end
    std::vector<std::string> shut_out_;            // hosts of bad nodes
    std::set<TaskIndex> leased_;                   // tasks whose lease is held; empty without peers
    std::map<TaskKind, Pace> paces_;
    std::set<TaskKind> too_late_; // kinds that did not start in the last turn for lack of time
    double now_s_ = 0;            // of the last turn
    bool stopping_ = false;
    bool out_of_time_ = false;
    bool changed_ = false; // since the last commit
    double started_s_ = -1;
    double first_remaining_s_ = 0; // expected seconds of work when this job began
    int64_t steps_ended_ = 0;      // steps of attempts that ended in this job
    // Tasks that ended in this job, and attempts that left a new checkpoint, of this job or found
    // lost by it.
    int advances_ = 0;
};

} // namespace dagan::launcher
