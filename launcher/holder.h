// Who is in charge of a campaign: the process that holds the lock on the file DIR/holder, which names it. The lock ends with its
// process, so a dead holder is never taken for a live one.
#pragma once

#include "cluster/descriptor.h"
#include "launcher/campaign.h"

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>

namespace dagan {

struct HolderName {
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
    CampaignLock(const CampaignFolder& folder, const std::string& slurm_job, const std::function<void()>& fence_off);

  private:
    Descriptor file_;
};

// The holder of a campaign, or nothing when nobody is in charge.
std::optional<HolderName> holder_of(const CampaignFolder& folder);

} // namespace dagan
