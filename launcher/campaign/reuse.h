// Copies finished DAGANs, selectors and pools from another campaign, so that an option of the
// classifiers can be compared without training the DAGANs again.
//
// A task is reused if it has the same key in both campaigns: the same options, data, seed and
// number of ranks. Classifiers are never copied: a campaign computes its own rows.
#pragma once

#include "launcher/campaign/campaign.h"

#include <string>
#include <vector>

namespace dagan::launcher {

// Copies the files of the tasks that `from` has finished and `to` has not; `manifest` is that of
// `to`. No job may be running in `to`. A trainer that is assigned such a task later finds it
// finished. Adds the tasks and their origin to the file CampaignPaths::reused(). Returns the labels
// of the tasks, in the plan's order. Throws Blame::input if `from` is not a campaign, is `to`
// itself, or was computed on another kind of device.
std::vector<std::string> reuse_finished(const CampaignFolder& from, const CampaignFolder& to,
                                        const Manifest& manifest);

} // namespace dagan::launcher
