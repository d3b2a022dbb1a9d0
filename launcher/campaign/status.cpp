#include "launcher/campaign/status.h"

#include "base/duration.h"
#include "base/file.h"
#include "spec/json.h"

#include <fmt/format.h>

#include <fstream>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
template <class T> std::optional<T> read_snapshot(const fs::path& path) {
    if (!fs::exists(path)) return std::nullopt;
    try {
        return from_json_text<T>(read_file(path));
    } catch (const Error&) {
        // Written by another version, or damaged by the file system: the next snapshot replaces it.
        return std::nullopt;
    }
}
} // namespace

// Replaced by rename, so that readers see a whole snapshot. Not synced: losing it does no harm. No
// error is reported: a running campaign must not fail because of its snapshot.
void write_status(const CampaignFolder& folder, const Status& status) {
    const fs::path temporary = folder.status_temporary();
    std::ofstream(temporary) << encode_json(status).dump(2) << '\n';
    std::error_code ignored;
    fs::rename(temporary, folder.status(), ignored);
}

std::optional<Status> read_status(const CampaignFolder& folder) {
    return read_snapshot<Status>(folder.status());
}

void write_ending(const CampaignFolder& folder, const Ending& ending) {
    // The message may not be valid UTF-8.
    write_atomically(folder.ending(),
                     encode_json(ending).dump(2, ' ', false, Json::error_handler_t::replace) +
                         "\n");
}
std::optional<Ending> read_ending(const CampaignFolder& folder) {
    return read_snapshot<Ending>(folder.ending());
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
        line += ", about " + duration_in_two_units(status.eta_s) + " left";
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
