// Where a campaign stands, read from its store without writing: for the supervisor between two jobs, and for status, explain and
// reproduce at any time. The states of the tasks come from the same Schedule that runs them.
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/scheduling/schedule.h"

#include <memory>
#include <string>
#include <vector>

namespace dagan::launcher {

// One attempt as recorded; times are ISO 8601, outcome "" while it runs or when it was lost with the whole job.
struct AttemptRecord {
    int64_t token = 0;
    std::string ranks, host, started, ended, outcome, error;
    bool final = false, charged = false;
    double seconds = 0;
};

struct TaskHistories {
    Plan plan;
    std::unique_ptr<Schedule> schedule;
    std::vector<std::vector<AttemptRecord>> attempts; // of each task, oldest first
};

// Throws Blame::input when the campaign's database is not one. Without a database nothing has run yet.
TaskHistories task_histories_of(const CampaignFolder& folder, const Manifest& manifest);

// The task named by its key, the beginning of its key (6 digits or more), or its label ("classifier omniglot n=5 m=3 seed=0").
// Throws Blame::input when there is none, or more than one.
TaskIndex find_task(const Plan& plan, const std::string& name);

// Why a task is where it is: its state, what it waits for, where it ran, how it failed, what it cost.
std::string explain(const CampaignFolder& folder, const Manifest& manifest,
                    const std::string& task);

// The lines of the campaign's logs that are about a task, in the order of time.
std::string log_of(const CampaignFolder& folder, const Manifest& manifest, const std::string& task);

} // namespace dagan::launcher
