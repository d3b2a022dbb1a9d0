// How the ranks of a campaign are started, and how such a job is told to stop and made to end: by mpirun on this machine, or by
// the words that a batch script gives (srun, or mpirun within an allocation).
#pragma once

#include "launcher/supervisor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan {

// The command line of one MPI job: the starter's words, then dagan-worker and its options.
std::vector<std::string> job_command(const CampaignFolder& folder, const SupervisorOptions& options, int restarts,
                                     int64_t incarnation);

// The signals that make a job end at once, to be sent one after the other until it has. The ranks below mpirun die with it. Those
// below srun do not: killed, it leaves a step that runs on, so it is asked first to end the step.
std::vector<int> ending_signals(const SupervisorOptions& options);

// Does mpirun start the ranks, not srun?
bool mpirun_starts(const SupervisorOptions& options);

} // namespace dagan
