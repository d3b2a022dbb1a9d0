// `dagan run` after its checks: starts the MPI job of a campaign, shows its progress, passes stop requests on, and starts the job
// again when it died before its end, as long as that brings the campaign forward. What happened is read from the store and from
// the job's own last word, never from exit codes alone. Whatever dies, no process of ours outlives the supervisor.
#pragma once

#include "launcher/campaign.h"

#include <filesystem>
#include <string>

namespace dagan {

struct SupervisorOptions {
    int ranks = 1;
    std::string data_folder;
    bool quiet = false;
    int max_fruitless_restarts = 3; // in a row, each without a task that ended or a checkpoint that was written
};

// Returns the exit code of the campaign. Throws Blame::input when another supervisor is in charge, naming it.
int supervise(const CampaignFolder& folder, const SupervisorOptions& options);

// Asks the supervisor in charge of a campaign to stop. Throws Blame::input when there is none.
void ask_to_stop(const CampaignFolder& folder);

// Is a supervisor in charge of the campaign now?
bool is_held(const CampaignFolder& folder);

// The folder of this program, where its siblings dagan-worker and dagan-train are.
std::filesystem::path program_folder();

} // namespace dagan
