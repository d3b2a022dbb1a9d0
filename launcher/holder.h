// Who is in charge of a campaign: the process that holds the lock on the file DIR/holder, which names it. The lock ends with its
// process, so a dead holder is never taken for a live one.
#pragma once

#include "launcher/campaign.h"

#include <optional>
#include <string>
#include <sys/types.h>

namespace dagan {

struct HolderName {
    std::string host;
    pid_t pid = 0;
};

class CampaignLock {
  public:
    // Throws Blame::input naming the holder when the campaign is held.
    explicit CampaignLock(const CampaignFolder& folder);
    ~CampaignLock();
    CampaignLock(const CampaignLock&) = delete;
    CampaignLock& operator=(const CampaignLock&) = delete;

  private:
    int fd_ = -1;
};

// The holder of a campaign, or nothing when nobody is in charge.
std::optional<HolderName> holder_of(const CampaignFolder& folder);

} // namespace dagan
