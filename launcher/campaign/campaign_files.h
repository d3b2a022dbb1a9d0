// What the supervisor looks after in a campaign's folder, while no job runs and while one does. No state of its own.
#pragma once

#include "launcher/campaign/campaign.h"

#include <chrono>
#include <filesystem>

namespace dagan::launcher {

// When a checkpoint was last written; grows while a long task gets on although none ends. The epoch of the clock when there is
// none.
std::filesystem::file_time_type newest_checkpoint(const CampaignFolder& folder);

// Removes the halves of files that killed processes left behind (base/file.h), if they are that old: younger ones may be written
// to by other allocations. All of them only while no process of the campaign runs.
void remove_leftovers(const CampaignFolder& folder, std::chrono::seconds age = {});

// Throws Blame::system, with what to do, when not even a small file can be written to the campaign's folder.
void require_space(const CampaignFolder& folder);

} // namespace dagan::launcher
