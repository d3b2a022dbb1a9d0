// The status snapshot: what `dagan status` and the live line show without touching the database. The coordinator writes it by
// rename once a second; readers never block it.
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/scheduling/schedule.h"
#include "spec/fields.h"

#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

DAGAN_ENUM(CampaignState, running, stopped, finished, failed)

// A task that runs now.
struct RunningTask {
    std::string label;
    std::vector<int> ranks;
    int64_t step = 0, steps = 0;
    int allocation = 1; // whose ranks they are, where several work on the campaign

    DAGAN_FIELDS(label, ranks, step, steps, allocation)
    bool operator==(const RunningTask&) const = default;
};

struct Status {
    std::string name;
    CampaignState state = CampaignState::running;
    TaskCounts tasks;
    int restarts = 0;
    double eta_s = -1;      // -1: not known yet
    double steps_per_s = 0; // over all trainers, lately
    double elapsed_s = 0;   // of this MPI job
    std::vector<RunningTask> running;
    std::vector<std::string> shut_out; // nodes found bad
    std::vector<std::string>
        too_late; // kinds of tasks that no longer start, as the allocation ends soon
    int advances =
        0; // what this MPI job brought forward: tasks that ended, attempts that left a checkpoint

    DAGAN_FIELDS(name, state, tasks, restarts, eta_s, steps_per_s, elapsed_s, running, shut_out,
                 too_late, advances)
    bool operator==(const Status&) const = default;
};

void write_status(const CampaignFolder& folder, const Status& status);
std::optional<Status>
read_status(const CampaignFolder& folder); // nothing when there is none, or half of one

// "12/48 done, 3 running, 1 failed, 35.2 steps/s, 4 min 10 s left"
std::string status_line(const Status& status);
std::string status_table(const Status& status);
std::string status_json(const Status& status);
std::string duration_text(double seconds); // "2 h 05 min", "4 min 10 s", "12 s"

// How the MPI job ended, by its own word; the supervisor decides by this and the store, never by mpirun's exit code.
struct Ending {
    CampaignState state = CampaignState::failed;
    int exit_code = 0;
    std::string message;
    bool out_of_time = false; // stopped, as the allocation ends soon

    DAGAN_FIELDS(state, exit_code, message, out_of_time)
    bool operator==(const Ending&) const = default;
};
void write_ending(const CampaignFolder& folder, const Ending& ending);
std::optional<Ending> read_ending(const CampaignFolder& folder);

} // namespace dagan::launcher
