// Rank 0's second half: the campaign's store, its coordinator, and the snapshots that others read. One run of one allocation.
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
        int restarts = 0;
        int64_t incarnation = 0;
        std::optional<int64_t> deadline_s; // when the allocation ends, seconds since 1970
        std::chrono::milliseconds lease = kLease;
    };
    // Takes the campaign up as the allocation that `folder` is of. References must outlive it. Throws Blame::system when the
    // store cannot be opened, Blame::input when it holds something else.
    CoordinatorSession(const CampaignFolder& folder, const Manifest& manifest, const Plan& plan,
                       cluster::Mailbox& mailbox, const Options& options);

    Coordinator& coordinator() { return coordinator_; }
    void on_rank_up(Rank rank, const RankUp& message);

    // To be called after the events of one look at the world. When the job is over, everybody is told so.
    void turn();
    Ending ending() const;

  private:
    void write_snapshot();

    CampaignFolder folder_;
    std::string name_;
    Options options_;
    std::unique_ptr<results::Store> store_;
    std::unique_ptr<PeerAllocations> peers_; // none where the store is a file
    MailboxWorkers pool_;
    Coordinator coordinator_;
    int ranks_, ranks_up_ = 0;
    double last_snapshot_s_ = 0;
    bool told_ = false;
};

} // namespace dagan::launcher
