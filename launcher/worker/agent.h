// One MPI rank: starts trainers, hands them the coordinator's tasks, brings their results back and reduces their gradients with
// the other agents of a gang. Computes nothing and never blocks; whatever crashes, hangs or runs out of memory is a trainer, and
// only that trainer's task notices. A spare trainer with LibTorch loaded takes a dead one's place at once.
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
        int slots = 1;                      // trainers that work side by side
        int spares = 1;                     // loaded trainers that wait
        bool on_gpus = false;               // gangs reduce by NCCL
        cluster::ProgramStart trainer = {}; // how to start one
        std::chrono::seconds stuck_after{
            300}; // without a sign of life while loading and before the second step, unless it is stopped (see find_stuck)
        std::chrono::seconds slow_after{60}; // the same later on
    };
    // Makes the collectives of a gang with these members (world ranks); `tag` differs between gangs.
    using MakeCollectives = std::function<std::unique_ptr<cluster::GangCollectives>(
        const std::vector<int>& members, int tag)>;

    // Everything must outlive the agent. Starts the trainers and reports the rank to the coordinator (rank 0).
    Agent(Options options, cluster::Mailbox& mailbox, cluster::Spawner& spawner,
          MakeCollectives make_collectives, const std::string& host);
    ~Agent();

    // Messages from the coordinator.
    void on_assign(const Assign& assignment);
    void on_stop_work();
    void on_abandon(const Abandon& abandon);
    void on_member_lost(const MemberLost& lost); // from another member's agent
    void on_shut_down() { shut_down_ = true; }

    // One look at trainers, spawner and gangs. Returns true when something happened.
    bool turn();
    bool shut_down() const { return shut_down_; }
    // Descriptors whose readiness means work; valid until the next turn.
    std::vector<cluster::Watch> watches() const;
    // A reduction is under way: do not sleep.
    bool busy_reducing() const;

  private:
    struct Job {
        Assign assignment;
        std::unique_ptr<cluster::GangReducer> reducer; // none for a group of one
    };
    // An assignment before a trainer has it; a gang's collectives are made at once, since the other members' agents wait for
    // that.
    struct Waiting {
        Assign assignment;
        std::unique_ptr<cluster::GangCollectives> collectives;
    };
    struct Trainer {
        cluster::ChildId id;
        cluster::AgentLink link;
        std::shared_ptr<cluster::SharedMemory> memory;
        bool ready = false;  // LibTorch is loaded
        bool killed = false; // by us; its end is near
        bool aborted_by_peer =
            false; // killed for what others did: a member of its gang, another allocation
        cluster::Silence silence;
        double longest_step_s = 0; // of the present attempt; 0: not known yet
        pid_t pid = 0;             // 0 until the spawner said so
        std::optional<Job> job;
        std::string cause; // how it died, once the spawner said so
    };

    void start_trainer();
    void hand_out();
    void begin(Trainer& trainer, Waiting next);
    bool listen(Trainer& trainer);
    void on_message(Trainer& trainer, const std::string& text);
    void on_job_over(Trainer& trainer, bool well);
    void notify_gang(const Assign& assignment);
    void end_trainer(Trainer& trainer, const std::string& why);
    bool advance_gang(Trainer& trainer);
    void find_stuck(Trainer& trainer);
    bool reap();
    void on_death(Trainer& trainer);
    void say(const Message& message) { mailbox_.send(0, encode(message)); }

    Options options_;
    cluster::Mailbox& mailbox_;
    cluster::Spawner& spawner_;
    MakeCollectives make_collectives_;
    std::list<Trainer> trainers_;
    std::deque<Waiting> waiting_; // for a trainer to be ready
    std::list<std::unique_ptr<cluster::GangReducer>>
        ending_gangs_;      // this rank's task is over, the gang not yet for all
    int failed_starts_ = 0; // trainers in a row that died before they were ready
    bool stopping_ = false;
    bool shut_down_ = false;
};

} // namespace dagan::launcher
