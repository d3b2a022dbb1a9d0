// The files of a task in the campaign folder, and how often a running task saves its state.
#pragma once

#include "spec/campaign_paths.h"
#include "spec/result.h"

#include <chrono>
#include <filesystem>
#include <string>

namespace dagan::train {

struct TaskPaths : CampaignPaths {
    using CampaignPaths::CampaignPaths;

    std::chrono::seconds checkpoint_every{60};

    // Returns the file `path` as an artifact of this campaign, with its hash and its path relative
    // to the campaign folder. Throws Blame::system if the file cannot be read.
    Artifact artifact(const std::string& role, const std::filesystem::path& path) const;
};

} // namespace dagan::train
