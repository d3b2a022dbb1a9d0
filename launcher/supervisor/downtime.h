// How long a campaign stood still: from the last sign of life of one MPI job, its snapshot, to the first task that runs in the
// next. What passed before this process began is the queue's and Slurm's share, the rest is ours.
#pragma once

#include "launcher/campaign/status.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace dagan::launcher {

class Downtime {
  public:
    using FileTime = std::filesystem::file_time_type;
    // `began`: when this process did. There is nothing to recover from when no job has left a snapshot.
    explicit Downtime(const CampaignFolder& folder, FileTime began = FileTime::clock::now());

    // A job of this process ended and another one follows: all the time from here on is ours.
    void on_job_lost();
    // A job of this process begins: snapshots from now on are its own.
    void on_job_started();
    // Looks at the present snapshot. Returns, once for each recovery, the line that tells how long it took.
    std::optional<std::string> on_status(const std::optional<Status>& status);

  private:
    FileTime last_written() const;

    CampaignFolder folder_;
    FileTime began_, job_began_{};
    std::optional<FileTime> last_sign_;
};

} // namespace dagan::launcher
