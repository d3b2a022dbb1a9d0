// The steps of `dagan submit`: the plan for a site, and the call of sbatch with the campaign's
// batch script. The command itself (launcher/cli) checks and begins the campaign.
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/coordinator/forecast.h"
#include "launcher/slurm/batch_script.h"
#include "launcher/slurm/site_profile.h"
#include "spec/sweep.h"
#include "spec/task.h"

#include <string>

namespace dagan::launcher {

// Predicts the cost of the campaign at that site. Throws Blame::input if a gang needs more ranks
// than a job has.
SavedForecast make_forecast_at(const SiteProfile& profile, const Sweep& sweep, const Plan& plan);
// Returns the prediction as a table: tasks, rank or GPU hours, makespan, number of jobs, disk.
std::string submission_plan(const Sweep& sweep, const Plan& plan, const SiteProfile& profile,
                            const SavedForecast& saved);

// Returns the number of jobs of `wall_time` that a makespan takes if each but the last stops at
// Slurm's warning.
int expected_jobs(double makespan_s, std::chrono::seconds wall_time);

// Writes the campaign's job.sh and submits it with sbatch, without the environment variables of a
// job around this process. Returns the job's number. Throws Blame::system if sbatch fails.
std::string submit_to_slurm(const CampaignFolder& folder, const BatchJob& job);

} // namespace dagan::launcher
