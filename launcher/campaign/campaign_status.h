// The status of a campaign over all its allocations, from the snapshots of each (status.h).
//
// A campaign whose store is a file has one allocation and is not a special case.
#pragma once

#include "launcher/campaign/status.h"

#include <optional>

namespace dagan::launcher {

// Returns whether any allocation of the campaign has an owner (campaign_lock.h).
bool is_held(const CampaignFolder& folder);

// Returns the status of the campaign; nullopt if it has no snapshot yet. While allocations are
// active, it is the latest snapshot of these, with the running tasks and the speed of all.
// Otherwise it is the latest snapshot, corrected if its job died before it could write a last one.
std::optional<Status> present_status(const CampaignFolder& folder);

} // namespace dagan::launcher
