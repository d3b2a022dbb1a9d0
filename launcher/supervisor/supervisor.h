// `dagan run` after its checks: starts the MPI job of a campaign, shows its progress, passes stop requests on, and starts the job
// again when it died before its end, as long as that brings the campaign forward. What happened is read from the store and from
// the job's own last word, never from exit codes alone. Whatever dies, no process of ours outlives the supervisor.
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/coordinator/leases.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

struct SupervisorOptions {
    int ranks = 1;
    std::string data_folder;
    std::string device = "cpu"; // of the trainers
    bool quiet = false;
    std::vector<std::string> starter =
        {}; // words that start the ranks, such as srun and its options; none: mpirun on this machine
    std::optional<int64_t> deadline_s =
        std::nullopt;           // when the allocation ends, seconds since 1970
    std::string scratch = "";   // of each node, to read the data sets from; "": from where they are
    std::string slurm_job = ""; // the job this runs in; "" outside Slurm
    int restarts_before = 0;    // how often Slurm has started that job again
    int64_t lease_s = kLease.count(); // see launcher/coordinator/leases.h
    // In a row, each without a task that ended or a checkpoint that was written. A task that takes the whole job with it is
    // convicted after five.
    int max_fruitless_restarts = 8;
};

// Returns the exit code of the campaign. Throws Blame::input when another supervisor is in charge, naming it, unless the
// campaign's store is a server's: then this is one of its allocations. In a Slurm job that Slurm started again, what is left of
// the same job's earlier run is fenced off instead (launcher/campaign/incarnation.h).
int supervise(const CampaignFolder& folder, const SupervisorOptions& options);

// Asks the supervisors in charge of a campaign to stop, through Slurm those that run in a Slurm job. Throws Blame::input when
// there is none, or one is out of reach; the others were asked then.
void request_stop(const CampaignFolder& folder);

// The folder of this program, where its siblings dagan-worker and dagan-train are.
std::filesystem::path program_folder();

} // namespace dagan::launcher
