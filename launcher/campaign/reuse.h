// Takes over what another campaign made where both mean the same by it: DAGANs, selectors and pools, whose tasks have the same
// keys, that is the same options, data, seed and gang. So an option of the classifiers is compared without training the DAGAN
// again.
#pragma once

#include "launcher/campaign/campaign.h"

#include <string>
#include <vector>

namespace dagan::launcher {

// Copies their files from the one campaign into the other, in which no job runs, where they are not there yet; a trainer that
// gets the task finds it done. Returns the names of the tasks, in the plan's order, and adds them with their origin to
// DIR/reused.json. Throws Blame::input when `from` is no campaign, is this one, or was computed on another kind of device.
std::vector<std::string> reuse_finished(const CampaignFolder& from, const CampaignFolder& to,
                                        const Manifest& manifest);

} // namespace dagan::launcher
