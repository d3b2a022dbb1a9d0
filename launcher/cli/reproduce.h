// `dagan reproduce`: runs the classifier of one row again, in a process of its own and from the
// inputs recorded in the campaign, and compares the results. The campaign is not changed.
#pragma once

#include "launcher/campaign/campaign.h"

#include <string>

namespace dagan::launcher {

struct Reproduction {
    bool equal = false;
    std::string text; // for people: both results, and whether they are equal
};

// `task` names a finished classifier (see find_task in launcher/campaign/task_history.h). Throws
// Blame::input if it does not, or if the program or the data set differs from the campaign's (the
// message says how); Blame::system if the trainer fails.
Reproduction reproduce(const CampaignFolder& folder, const Manifest& manifest,
                       const std::string& task);

} // namespace dagan::launcher
