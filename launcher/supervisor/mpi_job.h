// One MPI job of a campaign, as a child process of the supervisor: started by mpirun on this
// machine, or by the command of a batch script (srun, or mpirun within an allocation). It dies with
// the supervisor.
//
//     MpiJob job(folder, options, restarts, incarnation);
//     while (job.running()) {
//         if (stop_requested()) job.request_stop();
//         std::this_thread::sleep_for(100ms);
//     }
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/campaign/incarnation.h"
#include "launcher/coordinator/leases.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dagan::launcher {

struct JobOptions {
    // The number of ranks if `starter` is empty; otherwise the starter decides.
    int ranks = 1;
    // The command that starts the ranks, such as srun and its options; empty: mpirun on this
    // machine.
    std::vector<std::string> starter = {};
    // The folder of the data sets.
    std::string data_folder = {};
    // The device of the trainers, "cpu" or "cuda".
    std::string device = "cpu";
    // When the allocation ends, in seconds since 1970.
    std::optional<int64_t> deadline_s = std::nullopt;
    // A folder on each node's own disk, to which it copies the data sets; "": it reads them from
    // data_folder.
    std::string scratch = {};
    // The duration of task leases (launcher/coordinator/leases.h), in seconds.
    int64_t lease_s = kLease.count();
};

// Returns the command line of a job: the starter, dagan-worker and its options. `restarts`: how
// often the job was restarted. `incarnation`: its number (launcher/campaign/incarnation.h).
std::vector<std::string> job_command(const CampaignFolder& folder, const JobOptions& options,
                                     int restarts, int64_t incarnation);

// Returns whether mpirun starts the ranks, rather than srun.
bool mpirun_starts(const JobOptions& options);

class MpiJob {
  public:
    // Starts the job. Throws Blame::system if no process can be created.
    MpiJob(const CampaignFolder& folder, const JobOptions& options, int restarts,
           int64_t incarnation);
    MpiJob(const MpiJob&) = delete;
    MpiJob& operator=(const MpiJob&) = delete;

    // Returns whether the job still runs.
    bool running();
    // Asks all ranks to write checkpoints and end.
    void request_stop() const;
    // Ends the ranks and all processes below them. Call it until running() is false: it sends a
    // stronger signal every few seconds.
    void kill();
    // Returns true if a later job of the campaign has begun elsewhere.
    bool superseded() { return incarnation_.superseded(); }

    // The program that starts the ranks, such as mpirun or srun.
    const std::string& starter() const { return starter_; }
    // After the job has ended: whether the starter could not be executed, and whether all ranks
    // ended because of a stop request (none of them died).
    bool could_not_start() const;
    bool all_ranks_stopped() const;

  private:
    IncarnationWatch incarnation_;
    std::vector<int> ending_signals_;
    std::string starter_;
    size_t signals_sent_ = 0;
    std::chrono::steady_clock::time_point last_signal_{};
    // 0: the job has ended.
    pid_t pid_ = 0;
    int wait_status_ = 0;
};

} // namespace dagan::launcher
