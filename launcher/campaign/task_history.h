// The past of a campaign's tasks, read from its store without writing: for the supervisor between
// two MPI jobs, and for `dagan status`, `explain`, `logs` and `reproduce` at any time. The states
// of the tasks come from the Schedule that also runs them.
//
//     const TaskHistories histories = task_histories_of(folder, manifest);
//     const TaskIndex task = find_task(histories.plan, "gan omniglot");
//     if (histories.schedule->ended(task)) print(histories.attempts[task].back().outcome);
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/scheduling/schedule.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

// An attempt without a recorded end whose MPI job is over.
struct LostAttempt {
    // It left a new checkpoint, so its charge is refunded.
    bool progressed = false;
};

// Returns the history of a stored task for Schedule::restore(). `lost`: how the task's open attempt
// was lost; without it, an open attempt is a charged attempt that may still run.
TaskHistory history_of(const results::StoredTask& task, std::optional<LostAttempt> lost = {});

// One attempt as stored.
struct AttemptRecord {
    int64_t token = 0;
    std::string ranks, host;    // as in the table `attempt`
    std::string started, ended; // ISO 8601; `ended` is "" if no end is recorded
    std::string outcome;        // "" if no end is recorded
    std::string error;
    bool final = false;
    bool charged = false;
    double seconds = 0; // of training
};

struct TaskHistories {
    Plan plan;
    std::unique_ptr<Schedule> schedule;                          // with all tasks restored
    IndexVector<TaskIndex, std::vector<AttemptRecord>> attempts; // of each task, oldest first
};

// Reads the campaign's store. If it does not exist yet, no task has an attempt. Throws Blame::input
// if the database is not a results database, Blame::system if it cannot be read.
TaskHistories task_histories_of(const CampaignFolder& folder, const Manifest& manifest);

// Returns the task named by its key, the beginning of its key (6 digits or more), or its label
// ("classifier omniglot n=5 m=3 seed=0"). Throws Blame::input unless exactly one task matches.
TaskIndex find_task(const Plan& plan, const std::string& name);

// Returns the text of `dagan explain`: the task's state and its reason, and its attempts with
// place, outcome and cost. `task` as for find_task().
std::string explain(const CampaignFolder& folder, const Manifest& manifest,
                    const std::string& task);

// Returns the lines of all ranks' logs that carry a tag of the task (attempt_tag.h), in the order
// of time. `task` as for find_task().
std::string log_of(const CampaignFolder& folder, const Manifest& manifest, const std::string& task);

} // namespace dagan::launcher
