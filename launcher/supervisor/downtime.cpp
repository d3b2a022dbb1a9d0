#include "launcher/supervisor/downtime.h"

#include <fmt/format.h>

namespace dagan::launcher {

namespace fs = std::filesystem;

Downtime::Downtime(const CampaignFolder& folder, FileTime began) : folder_(folder), began_(began) {
    const auto status = read_status(folder);
    if (status && !status->tasks.all_ended()) last_sign_ = last_written();
}

Downtime::FileTime Downtime::last_written() const {
    std::error_code missing;
    return fs::last_write_time(folder_.status(), missing);
}

void Downtime::on_job_lost() {
    if (fs::exists(folder_.status())) last_sign_ = last_written();
    began_ = last_sign_.value_or(FileTime::clock::now());
}

void Downtime::on_job_started() { job_began_ = FileTime::clock::now(); }

std::optional<std::string> Downtime::on_status(const std::optional<Status>& status) {
    // Counts tasks that run in any allocation, so a campaign is up again even if peers run them
    // all.
    if (!last_sign_ || !status || status->tasks.running == 0) return std::nullopt;
    const FileTime written = last_written();
    if (written <= *last_sign_ || written <= job_began_)
        return std::nullopt; // a snapshot of an earlier job
    const auto seconds = [](FileTime::duration time) {
        return std::chrono::duration<double>(time).count();
    };
    const double total = seconds(written - *last_sign_), launcher = seconds(written - began_);
    last_sign_.reset();
    return fmt::format(
        "working again {:.1f} s after the last snapshot (launcher {:.1f} s, Slurm and "
        "its queue {:.1f} s)",
        total, launcher, total - launcher);
}

} // namespace dagan::launcher
