#include "launcher/campaign/status.h"

#include "base/file.h"
#include "spec/json.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
template <class T> std::optional<T> read_snapshot(const fs::path& path) {
    if (!fs::exists(path)) return std::nullopt;
    try {
        return from_json_text<T>(read_file(path));
    } catch (const Error&) {
        return std::
            nullopt; // written by another version, or the file system lost it: a snapshot can always be made anew
    }
}
} // namespace

// A snapshot is replaced by rename so that readers see a whole one; it is not synced, since losing it loses nothing.
void write_status(const CampaignFolder& folder, const Status& status) {
    const fs::path temporary = folder.status().string() + ".tmp";
    std::ofstream(temporary) << encode_json(status).dump(2) << '\n';
    std::error_code ignored;
    fs::rename(temporary, folder.status(), ignored);
}

std::optional<Status> read_status(const CampaignFolder& folder) {
    return read_snapshot<Status>(folder.status());
}

void write_ending(const CampaignFolder& folder, const Ending& ending) {
    // An error's text need not be UTF-8.
    write_atomically(folder.ending(),
                     encode_json(ending).dump(2, ' ', false, Json::error_handler_t::replace) +
                         "\n");
}
std::optional<Ending> read_ending(const CampaignFolder& folder) {
    return read_snapshot<Ending>(folder.ending());
}

std::string duration_text(double seconds) {
    const auto s = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
    if (s >= 3600) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
    if (s >= 60) return fmt::format("{} min {:02} s", s / 60, s % 60);
    return fmt::format("{} s", s);
}

std::string status_line(const Status& status) {
    const TaskCounts& tasks = status.tasks;
    std::string line =
        fmt::format("{}/{} done, {} running", tasks.done, tasks.total(), tasks.running);
    if (tasks.failed + tasks.quarantined > 0)
        line += fmt::format(", {} failed", tasks.failed + tasks.quarantined);
    if (tasks.blocked > 0) line += fmt::format(", {} blocked", tasks.blocked);
    if (status.steps_per_s > 0) line += fmt::format(", {:.1f} steps/s", status.steps_per_s);
    if (status.restarts > 0) line += fmt::format(", {} restarts", status.restarts);
    if (!status.shut_out.empty())
        line += fmt::format(", bad nodes: {}", fmt::join(status.shut_out, " "));
    if (status.state == CampaignState::running && status.eta_s >= 0)
        line += ", about " + duration_text(status.eta_s) + " left";
    return line;
}

std::string status_table(const Status& status) {
    std::string text =
        fmt::format("{}: {}\n{}\n", status.name, to_string(status.state), status_line(status));
    for (const RunningTask& task : status.running) {
        const std::string ranks = fmt::format("{}", fmt::join(task.ranks, ","));
        const std::string allocation =
            task.allocation > 1 ? fmt::format(" of allocation {}", task.allocation) : "";
        text += fmt::format("  {:<44} rank {:<8} step {}/{}{}\n", task.label, ranks, task.step,
                            task.steps, allocation);
    }
    return text;
}

std::string status_json(const Status& status) { return encode_json(status).dump(2) + "\n"; }

} // namespace dagan::launcher
