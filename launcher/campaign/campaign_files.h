// Maintenance of the files in a campaign folder by the supervisor. Stateless.
#pragma once

#include "launcher/campaign/campaign.h"

#include <chrono>
#include <filesystem>

namespace dagan::launcher {

// Returns when a checkpoint was last written: the progress of long tasks. The clock's epoch if
// there is no checkpoint.
std::filesystem::file_time_type newest_checkpoint(const CampaignFolder& folder);

// Removes the unfinished files that killed processes left behind (base/file.h). With `age`, only
// files at least that old, because other allocations may still write younger ones; without, all of
// them, which is safe only while no process of the campaign runs.
void remove_leftovers(const CampaignFolder& folder, std::chrono::seconds age = {});

// Throws Blame::system, with a hint, if the campaign folder has no room for a small file.
void require_space(const CampaignFolder& folder);

} // namespace dagan::launcher
