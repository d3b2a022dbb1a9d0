// Runs a campaign: fill, wait, apply. What is ready is decided by Schedule, what is durable by Store, who works by WorkerPool;
// this class only carries between them. Events come in by on_...(); turn() then commits what they changed, starts what can start
// and commits the attempts before their first instruction. It owns no process, socket or clock, so that tests and the simulator
// drive it with fakes.
#pragma once

#include "launcher/messages.h"
#include "launcher/schedule.h"
#include "launcher/status.h"
#include "results/store.h"
#include "spec/task.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace dagan {

// The ranks, as the coordinator sees them.
class WorkerPool {
  public:
    virtual ~WorkerPool() = default;
    virtual void assign(Rank rank, const Assign& assignment) = 0;
    virtual void stop_work() = 0; // everywhere: checkpoint and return
    virtual void shut_down() = 0; // everywhere: the job is over
};

class Coordinator {
  public:
    // A number that changes when a task's checkpoint does; 0 when there is none. Tells progress from running in circles.
    using CheckpointStamp = std::function<int64_t(const std::string& task)>;

    // Takes up the campaign from what the store knows. `expected_seconds` per task orders the tasks and gives the first ETA. All
    // references must outlive the coordinator.
    Coordinator(const Plan& plan, const std::vector<double>& expected_seconds, Schedule::Resources resources, Store& store,
                WorkerPool& pool, CheckpointStamp checkpoint_stamp);

    // What earlier jobs' attempts say about the nodes; not when a person starts the campaign again, having mended them perhaps.
    void recall(const std::vector<PastAttempt>& history);

    void on_rank_up(Rank rank, const RankUp& message);
    void on_progress(const Progress& message);
    // One member of an attempt ended. Ignored when it is not of the task's current attempt.
    void on_ended(const Ended& message);
    // Stop request or deadline: nothing new starts, what runs is told to write a checkpoint.
    void on_stop_asked();

    // Call after the events of one look at the world. `now_s`: any clock that only goes forward. Throws Blame::system when the
    // store cannot be written.
    void turn(double now_s);

    // Nothing runs, and nothing will: all tasks ended, or a stop was asked for.
    bool over() const;
    Status status(double now_s) const;
    const Schedule& schedule() const { return schedule_; }

  private:
    struct Attempt {
        int64_t token = 0;
        std::vector<Rank> ranks;
        int members_running = 0;
        std::optional<TaskResult> first; // position 0's word
        std::optional<TaskResult> fault; // the first member's that failed by itself,
        Rank culprit = 0;                // and its rank; the first when there is none
        int64_t checkpoint_stamp = 0;
        int64_t step = 0, steps = 0, first_step = -1;
    };

    struct RestingTask {
        TaskIndex task;
    };
    struct RestingNode {
        NodeIndex node;
    };
    using Sleeper = std::variant<RestingTask, RestingNode>;

    void restore();
    void wake_rested();
    void follow_up(TaskIndex task, const Verdict& verdict);
    void start(const Start& decision);
    void conclude(TaskIndex task, const Attempt& attempt);
    TaskResult result_of(TaskIndex task, const Attempt& attempt) const;
    double done_share(TaskIndex task) const;
    double remaining_seconds() const;
    const PlannedTask& planned(TaskIndex task) const { return plan_.tasks[static_cast<size_t>(task)]; }

    const Plan& plan_;
    std::vector<double> expected_seconds_;
    Schedule schedule_;
    Store& store_;
    WorkerPool& pool_;
    CheckpointStamp checkpoint_stamp_;

    std::unordered_map<std::string, TaskIndex> index_of_;
    std::map<TaskIndex, Attempt> running_;
    std::vector<std::string> host_of_;
    std::multimap<double, Sleeper> resting_; // by the time of waking
    std::vector<std::string> shut_out_;      // bad nodes
    double now_s_ = 0;                       // of the last turn
    bool stopping_ = false;
    bool changed_ = false; // since the last commit
    double started_s_ = -1;
    double first_remaining_s_ = 0; // expected, when this job began
    int64_t steps_ended_ = 0;      // of attempts that ended in this job
};

} // namespace dagan
