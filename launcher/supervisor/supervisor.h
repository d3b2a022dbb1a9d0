// The supervisor: the process that `dagan run` becomes after its checks. It starts the MPI job of a
// campaign, shows its progress, forwards stop requests, and restarts the job if it died, as long as
// the campaign progresses.
//
// It judges a job by the store and by the ending that the job itself recorded, never by exit codes
// alone. All processes of the campaign end with the supervisor, whatever kills it.
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/supervisor/mpi_job.h"

#include <string>

namespace dagan::launcher {

struct SupervisorOptions {
    JobOptions job;
    bool quiet = false;
    // The Slurm job that this process runs in; "" outside Slurm.
    std::string slurm_job = "";
    // How often Slurm has restarted that job.
    int restarts_before = 0;
    // The supervisor gives up after this many restarts in a row in which no task ended and no
    // checkpoint was written. More than 5, after which a task that kills every job is quarantined.
    int max_fruitless_restarts = 8;
};

// Runs the campaign until it ends or is stopped. Returns its exit code. If the campaign's store is
// a file, throws Blame::input, naming the owner, if another supervisor owns the campaign; if it is
// a server, runs as a further allocation. In a job that Slurm restarted, processes left over from
// the earlier run of that job are superseded instead (launcher/campaign/incarnation.h). Throws
// Blame::system if the job cannot be started or keeps dying without progress.
int supervise(const CampaignFolder& folder, const SupervisorOptions& options);

// Asks all supervisors of a campaign to stop; those in a Slurm job through Slurm. Throws
// Blame::input if the campaign is not running, or if a supervisor cannot be reached from this host;
// the others have been asked then.
void request_stop(const CampaignFolder& folder);

} // namespace dagan::launcher
