// The lock that makes one supervisor the owner of a campaign, or of one of its allocations.
//
// The owner holds an advisory lock on the file `holder` (CampaignPaths::owner_file()), which names
// it. The kernel releases the lock when the process ends, so a dead owner is never mistaken for a
// live one. Child processes do not inherit it.
#pragma once

#include "base/descriptor.h"
#include "launcher/campaign/campaign.h"

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>

namespace dagan::launcher {

struct CampaignOwner {
    std::string host;
    pid_t pid = 0;
    // The Slurm job that it runs in; "" outside Slurm.
    std::string slurm_job = "";
};

class CampaignLock {
  public:
    // Takes the lock. Throws Blame::input, naming the owner, if another process holds it.
    explicit CampaignLock(const CampaignFolder& folder);
    // The same within Slurm job `slurm_job`. Slurm runs a job once at a time, so an owner from the
    // same job is a leftover from before Slurm restarted it: `supersede` is called repeatedly to
    // make it leave (begin_incarnation()) until its lock is free. Throws Blame::system after 180 s.
    CampaignLock(const CampaignFolder& folder, const std::string& slurm_job,
                 const std::function<void()>& supersede);
    // Takes the lock if it is free; returns nullopt if another process holds it.
    static std::optional<CampaignLock> if_free(const CampaignFolder& folder,
                                               const std::string& slurm_job);

  private:
    explicit CampaignLock(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

// An allocation of a campaign whose store is a server, with its lock.
struct TakenAllocation {
    CampaignFolder folder;
    CampaignLock lock;
};
// Takes the first allocation that has no owner. A Slurm job that Slurm restarted takes the
// allocation that it had before; a leftover owner is superseded as above.
TakenAllocation take_allocation(const CampaignFolder& campaign, const std::string& slurm_job,
                                const std::function<void(const CampaignFolder&)>& supersede);

// Returns the owner of a campaign's allocation; nullopt if it has none. Does not disturb a process
// that takes the lock at the same time.
std::optional<CampaignOwner> owner_of(const CampaignFolder& folder);

} // namespace dagan::launcher
