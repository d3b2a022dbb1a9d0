// The status snapshot of an allocation, and how its last MPI job ended.
//
// `dagan status` and the live progress line show the snapshot without reading the database. The
// coordinator replaces it by rename once a second; readers never block it.
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/scheduling/schedule.h"
#include "spec/fields.h"

#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

DAGAN_ENUM(CampaignState, running, stopped, finished, failed)

struct RunningTask {
    std::string label;
    std::vector<int> ranks;
    int64_t step = 0, steps = 0;
    // The allocation to which the ranks belong.
    int allocation = 1;

    DAGAN_FIELDS(label, ranks, step, steps, allocation)
    bool operator==(const RunningTask&) const = default;
};

struct Status {
    std::string name;
    CampaignState state = CampaignState::running;
    TaskCounts tasks;
    int restarts = 0;
    // Expected time until the campaign ends; -1: not known yet.
    double eta_s = -1;
    // Recent speed, summed over all trainers.
    double steps_per_s = 0;
    // Since this MPI job began.
    double elapsed_s = 0;
    std::vector<RunningTask> running;
    // Nodes that are excluded because tasks kept failing there.
    std::vector<std::string> shut_out;
    // Kinds of tasks that are no longer started because the allocation ends soon.
    std::vector<std::string> too_late;
    // Progress of this MPI job: tasks that ended, and attempts that left a checkpoint.
    int advances = 0;

    DAGAN_FIELDS(name, state, tasks, restarts, eta_s, steps_per_s, elapsed_s, running, shut_out,
                 too_late, advances)
    bool operator==(const Status&) const = default;
};

void write_status(const CampaignFolder& folder, const Status& status);
// Returns the snapshot; nullopt if there is none or it is damaged.
std::optional<Status> read_status(const CampaignFolder& folder);

// Formats a snapshot: as a line ("12/48 done, 3 running, 1 failed, 35.2 steps/s, about 4 min 10 s
// left"), as that line and a table of the running tasks, and as JSON for scripts.
std::string status_line(const Status& status);
std::string status_table(const Status& status);
std::string status_json(const Status& status);

// How an MPI job ended, as the job itself reported. The supervisor decides by this and by the
// store, never by mpirun's exit code.
struct Ending {
    CampaignState state = CampaignState::failed;
    int exit_code = 0;
    std::string message;
    // It stopped because the allocation ends soon.
    bool out_of_time = false;

    DAGAN_FIELDS(state, exit_code, message, out_of_time)
    bool operator==(const Ending&) const = default;
};
// Throws Blame::system if the file cannot be written.
void write_ending(const CampaignFolder& folder, const Ending& ending);
// Returns nullopt if there is none or it is damaged.
std::optional<Ending> read_ending(const CampaignFolder& folder);

} // namespace dagan::launcher
