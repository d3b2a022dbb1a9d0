// What all allocations of a campaign are up to, put together from what each says of itself. A campaign with one allocation, as
// every one has whose store is a file, is no special case.
#pragma once

#include "launcher/campaign/status.h"

#include <optional>

namespace dagan::launcher {

// Is anybody in charge of the campaign now?
bool is_held(const CampaignFolder& folder);

// The campaign's snapshot: the latest of those that live, with what all of them run; when none lives, the latest there is,
// corrected for a job that died before it could say so. Nothing when none has begun.
std::optional<Status> present_status(const CampaignFolder& folder);

} // namespace dagan::launcher
