// One run of one allocation on a campaign, as rank 0 holds it: the store, its coordinator, and the
// snapshot (status.json) and final report (ending.json) that other processes read. Stops the
// coordinator when the allocation's deadline is near. Does not receive messages: worker_main does,
// and passes them to coordinator().
//
//     CoordinatorSession session(folder, manifest, plan, mailbox, {.restarts = restarts});
//     session.on_rank_up(rank, rank_up);            // once for each rank
//     session.coordinator().on_ended(ended);        // and other messages
//     session.turn();                               // after each batch of messages
#pragma once

#include "cluster/transport/mailbox.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/status.h"
#include "launcher/coordinator/coordinator.h"
#include "launcher/coordinator/leases.h"
#include "launcher/coordinator/mailbox_workers.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace dagan::launcher {

class CoordinatorSession {
  public:
    struct Options {
        // MPI jobs that the supervisor has started before this one; 0: started by a user. A
        // restart keeps failed tasks as they are and replays the node history.
        int restarts = 0;
        // Number of this MPI job in its allocation (launcher/campaign/incarnation.h).
        int64_t incarnation = 0;
        // When the allocation ends, in seconds since 1970; nullopt: it does not.
        std::optional<int64_t> deadline_s;
        // Length of a lease on a shared store.
        std::chrono::milliseconds lease = kLease;
    };
    // Continues the campaign for the allocation that `folder` belongs to. `plan` and `mailbox` must
    // outlive the session. Throws Blame::system if the store cannot be opened, Blame::input if it
    // is not this campaign's.
    CoordinatorSession(const CampaignFolder& folder, const Manifest& manifest, const Plan& plan,
                       cluster::Mailbox& mailbox, const Options& options);

    Coordinator& coordinator() { return coordinator_; }
    void on_rank_up(Rank rank, const RankUp& message);

    // Call after a batch of messages. Does nothing until all ranks are up. When the job is over,
    // writes ending.json and tells all ranks to shut down.
    void turn();
    // Returns the report of how the job ended; valid once the coordinator is over.
    Ending ending() const;

  private:
    void write_snapshot();

    CampaignFolder folder_;
    std::string name_;
    Options options_;
    std::unique_ptr<results::Store> store_;
    std::unique_ptr<PeerAllocations> peers_; // null with a SQLite store
    MailboxWorkers pool_;
    Coordinator coordinator_;
    int ranks_, ranks_up_ = 0;
    double last_snapshot_s_ = 0;
    bool shut_down_sent_ = false;
};

} // namespace dagan::launcher
