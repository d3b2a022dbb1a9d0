// One MPI job of a campaign, as the supervisor's child: started by mpirun on this machine or by the words that a batch script
// gives (srun, or mpirun within an allocation), told to stop, made to end. It dies with the supervisor.
#pragma once

#include "launcher/campaign/incarnation.h"
#include "launcher/supervisor/supervisor.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dagan::launcher {

// The command line of a job: the starter's words, then dagan-worker and its options.
std::vector<std::string> job_command(const CampaignFolder& folder, const SupervisorOptions& options,
                                     int restarts, int64_t incarnation);

// Does mpirun start the ranks, not srun?
bool mpirun_starts(const SupervisorOptions& options);

class MpiJob {
  public:
    // Starts it. Throws Blame::system when no process can be made.
    MpiJob(const CampaignFolder& folder, const SupervisorOptions& options, int restarts,
           int64_t incarnation);
    MpiJob(const MpiJob&) = delete;
    MpiJob& operator=(const MpiJob&) = delete;

    bool running();
    void request_stop() const;
    // The ranks, and all below them, are made to end; to be called until it has, with a stronger word every few seconds.
    void kill();
    // Has a later job of the campaign begun elsewhere?
    bool superseded() { return incarnation_.superseded(); }

    const std::string& starter() const { return starter_; } // mpirun or srun
    // Once it has ended:
    bool could_not_start() const;
    bool all_ranks_stopped() const; // none of them died: what ended it was a request

  private:
    IncarnationWatch incarnation_;
    std::vector<int> ending_signals_;
    std::string starter_;
    size_t signals_sent_ = 0;
    std::chrono::steady_clock::time_point last_signal_{};
    pid_t pid_ = 0; // 0: has ended
    int wait_status_ = 0;
};

} // namespace dagan::launcher
