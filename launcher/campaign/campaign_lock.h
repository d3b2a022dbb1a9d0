// Who is in charge of a campaign: the process that holds the lock on the file `holder`, which names it. The lock ends with its
// process, so a dead holder is never taken for a live one.
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
    std::string slurm_job = ""; // "" when it does not run in one
};

class CampaignLock {
  public:
    // Throws Blame::input naming the holder when the campaign is held.
    explicit CampaignLock(const CampaignFolder& folder);
    // In a Slurm job. Slurm runs a job once at a time, so a holder from the same job is what was left of it when it was started
    // again: `fence_off` is called now and then to make it leave, and its lock is waited for. Throws Blame::system when it does
    // not come.
    CampaignLock(const CampaignFolder& folder, const std::string& slurm_job,
                 const std::function<void()>& fence_off);
    // Nothing when the campaign is held.
    static std::optional<CampaignLock> if_free(const CampaignFolder& folder,
                                               const std::string& slurm_job);

  private:
    explicit CampaignLock(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

// Several may be in charge of a campaign whose store is a server's, each as one of its allocations.
struct TakenAllocation {
    CampaignFolder folder; // of that allocation
    CampaignLock lock;
};
// The first allocation that nobody holds. In a Slurm job that was started again, the one that it had before: what is left of that
// is fenced off, as above.
TakenAllocation take_allocation(const CampaignFolder& campaign, const std::string& slurm_job,
                                const std::function<void(const CampaignFolder&)>& fence_off);

// The holder of a campaign, as one allocation, or nothing when nobody is in charge.
std::optional<CampaignOwner> owner_of(const CampaignFolder& folder);

} // namespace dagan::launcher
