// `dagan reproduce`: runs one finished row again from its provenance, alone, and compares. Nothing of the campaign is changed.
#pragma once

#include "launcher/campaign/campaign.h"

#include <string>

namespace dagan::launcher {

struct Reproduction {
    bool equal = false;
    std::string text; // for people: both rows, and whether they are the same
};

// `task` is a finished classifier (see find_task). Throws Blame::input when it is not, or when the program or the data set is not
// the one the campaign began with (the difference is in the message); Blame::system when the trainer fails.
Reproduction reproduce(const CampaignFolder& folder, const Manifest& manifest,
                       const std::string& task);

} // namespace dagan::launcher
