#include "launcher/campaign/campaign_status.h"

#include "launcher/campaign/campaign_lock.h"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>
#include <vector>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
struct Snapshot {
    Status status;
    bool active = false;
    fs::file_time_type written;
};

std::vector<Snapshot> snapshots_of(const CampaignFolder& folder) {
    std::vector<Snapshot> snapshots;
    for (const CampaignFolder& allocation : folder.allocations()) {
        auto status = read_status(allocation);
        if (!status) continue;
        for (RunningTask& task : status->running) task.allocation = allocation.allocation();
        std::error_code gone;
        const auto written = fs::last_write_time(allocation.status(), gone);
        const bool active =
            status->state == CampaignState::running && owner_of(allocation).has_value();
        snapshots.push_back({std::move(*status), active, written});
    }
    return snapshots;
}

// Adds the running tasks and the speed of all active allocations to the latest snapshot.
Status combined(Status status, const std::vector<Snapshot>& snapshots) {
    status.running.clear();
    status.steps_per_s = 0;
    for (const Snapshot& snapshot : snapshots) {
        if (!snapshot.active) continue;
        status.running.insert(status.running.end(), snapshot.status.running.begin(),
                              snapshot.status.running.end());
        status.steps_per_s += snapshot.status.steps_per_s;
    }
    return status;
}

// The same snapshot with no task running: no allocation is active, even if it says so.
Status at_rest(Status status) {
    if (status.state == CampaignState::running) {
        status.state = CampaignState::stopped;
        status.eta_s = -1;
    }
    status.running.clear();
    status.tasks.ready += std::exchange(status.tasks.running, 0);
    return status;
}
} // namespace

bool is_held(const CampaignFolder& folder) {
    const auto allocations = folder.allocations();
    return std::any_of(allocations.begin(), allocations.end(),
                       [](const CampaignFolder& each) { return owner_of(each).has_value(); });
}

std::optional<Status> present_status(const CampaignFolder& folder) {
    const std::vector<Snapshot> snapshots = snapshots_of(folder);
    if (snapshots.empty()) return std::nullopt;
    const Snapshot& latest = *std::max_element(
        snapshots.begin(), snapshots.end(), [](const Snapshot& a, const Snapshot& b) {
            return std::tie(a.active, a.written) < std::tie(b.active, b.written);
        });
    return latest.active ? combined(latest.status, snapshots) : at_rest(latest.status);
}

} // namespace dagan::launcher
