// The agent: one MPI rank. It starts trainer processes, assigns them the tasks that the coordinator
// sends, reports their results to the coordinator, and averages their gradients with the agents of
// the other ranks of a gang.
//
// It computes nothing else and does not block, except to set up a gang (MakeCollectives). Code that
// may crash, hang or run out of memory runs in trainers; such a failure costs only that trainer's
// task. `spares` additional trainers wait with LibTorch loaded, so that a dead trainer is replaced
// at once.
//
// The agent assigns a task to any idle trainer, spares included, and does not enforce `slots`. The
// coordinator limits the load: it assigns at most trainers_per_rank + tasks_ahead tasks to a rank.
// With tasks_ahead = 0 that is `slots`, and the spares stay idle; with tasks_ahead > 0, up to
// slots + spares tasks run at once and the rest wait here.
//
//     Agent agent({.slots = 2, .trainer = program}, *mailbox, spawner, make_collectives, host);
//     while (!agent.shut_down()) {
//         while (auto envelope = mailbox->receive()) dispatch(*envelope, agent); // agent.on_...()
//         if (agent.turn()) backoff.on_activity();
//         backoff.pause(agent.watches());
//     }
#pragma once

#include "cluster/gang/gang_reducer.h"
#include "cluster/mpi/mpi_world.h"
#include "cluster/process/backoff.h"
#include "cluster/process/liveness.h"
#include "cluster/process/spawner.h"
#include "cluster/transport/mailbox.h"
#include "launcher/protocol/messages.h"

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

class Agent {
  public:
    struct Options {
        // Trainers that work side by side, and loaded trainers that wait to replace one of them.
        int slots = 1;
        int spares = 1;
        // Gangs reduce their gradients with NCCL.
        bool on_gpus = false;
        // How to start a trainer.
        cluster::ProgramStart trainer = {};
        // How long a trainer may be silent before it is killed: `stuck_after` while it loads and
        // before the second step of a task; later `slow_after`, or cluster::patience_for() its
        // longest step if that is longer. For a stopped trainer (SIGSTOP), only patience_for()
        // counts.
        std::chrono::seconds stuck_after{300};
        std::chrono::seconds slow_after{60};
    };
    // Creates the collectives of a gang with these members (world ranks); may block until all of
    // them do so. `tag` differs between gangs.
    using MakeCollectives = std::function<std::unique_ptr<cluster::GangCollectives>(
        const std::vector<int>& members, int tag)>;

    // Starts the trainers and reports this rank to the coordinator (rank 0). `host`: the name of
    // this machine. The references must outlive the agent.
    Agent(Options options, cluster::Mailbox& mailbox, cluster::Spawner& spawner,
          MakeCollectives make_collectives, const std::string& host);
    ~Agent();

    // Handlers of the coordinator's messages (launcher/protocol/messages.h).
    void on_assign(const Assign& assignment);
    void on_stop_work();
    void on_abandon(const Abandon& abandon);
    void on_shut_down() { shut_down_ = true; }
    // Handles a message from the agent of another member of a gang.
    void on_member_lost(const MemberLost& lost);

    // Handles all pending events of the trainers, the spawner and the gangs. Returns true if there
    // were any. Throws Blame::system if the spawner is frozen or gone, or if trainers repeatedly
    // die before they are ready; Blame::input if the trainer program is of another version.
    bool turn();
    bool shut_down() const { return shut_down_; }
    // Returns the descriptors whose readiness means work; valid until the next turn.
    std::vector<cluster::Watch> watches() const;
    // Returns true while a reduction is under way; the caller should not sleep then.
    bool busy_reducing() const;

  private:
    struct Job {
        Assign assignment;
        // Null unless the task has several members.
        std::unique_ptr<cluster::GangReducer> reducer;
    };
    // An assignment that no trainer has yet. The collectives of a gang are created at once, because
    // creating them needs all its members.
    struct Waiting {
        Assign assignment;
        std::unique_ptr<cluster::GangCollectives> collectives;
    };
    struct Trainer {
        cluster::ChildId id;
        cluster::AgentLink link;
        std::shared_ptr<cluster::SharedMemory> memory;
        // It has loaded LibTorch.
        bool ready = false;
        // This agent has killed it; the spawner will report its end.
        bool killed = false;
        // It was killed because of an event elsewhere: a gang member was lost, or another
        // allocation has taken its task.
        bool aborted_by_peer = false;
        cluster::Silence silence;
        // In the present attempt; 0: not known yet.
        double longest_step_s = 0;
        // 0 until the spawner reports it.
        pid_t pid = 0;
        std::optional<Job> job;
        // How it died, once the spawner has reported it.
        std::string cause;
    };

    void start_trainer();
    void assign_waiting();
    void begin(Trainer& trainer, Waiting next);
    bool receive_from(Trainer& trainer);
    void on_message(Trainer& trainer, const std::string& text);
    void on_job_over(Trainer& trainer, bool reported_in_order);
    void notify_gang(const Assign& assignment);
    void kill_trainer(Trainer& trainer);
    void abort_trainer(Trainer& trainer, const std::string& why);
    bool advance_gang(Trainer& trainer);
    void check_liveness(Trainer& trainer);
    bool poll_spawner();
    void on_death(Trainer& trainer);
    void report(const Message& message) { mailbox_.send(0, encode(message)); }

    Options options_;
    cluster::Mailbox& mailbox_;
    cluster::Spawner& spawner_;
    MakeCollectives make_collectives_;
    std::list<Trainer> trainers_;
    // Assignments that wait for an idle trainer.
    std::deque<Waiting> waiting_;
    // Gangs whose task has ended on this rank but not yet on all members.
    std::list<std::unique_ptr<cluster::GangReducer>> ending_gangs_;
    // Trainers that died in a row before they were ready.
    int failed_starts_ = 0;
    bool stopping_ = false;
    bool shut_down_ = false;
};

} // namespace dagan::launcher
