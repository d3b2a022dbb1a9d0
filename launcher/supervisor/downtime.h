// Measures how long a campaign stood still: from the last snapshot of one MPI job to the first
// snapshot of the next job in which a task runs. The time before this process began is attributed
// to Slurm and its queue, the rest to the launcher.
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
    // `began`: when this process began. Measures nothing if the folder has no snapshot yet, or if
    // all tasks have ended.
    explicit Downtime(const CampaignFolder& folder, FileTime began = FileTime::clock::now());

    // Call when a job of this process has ended and will be restarted: the downtime from here on is
    // the launcher's.
    void on_job_lost();
    // Call when a job of this process begins: later snapshots are its own.
    void on_job_started();
    // Call with each new snapshot. Returns, once per downtime, a line that reports its length.
    std::optional<std::string> on_status(const std::optional<Status>& status);

  private:
    FileTime last_written() const;

    CampaignFolder folder_;
    FileTime began_, job_began_{};
    std::optional<FileTime> last_sign_;
};

} // namespace dagan::launcher
