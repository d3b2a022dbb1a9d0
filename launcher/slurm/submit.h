// `dagan submit`: a sweep and a site profile become a campaign's folder, a batch script and one call of sbatch.
#pragma once

#include "launcher/campaign/campaign.h"
#include "launcher/coordinator/forecast.h"
#include "launcher/slurm/batch_script.h"
#include "launcher/slurm/site_profile.h"
#include "spec/sweep.h"
#include "spec/task.h"

#include <string>

namespace dagan::launcher {

// What the campaign will take at that site. Throws Blame::input when a gang does not fit on the ranks.
SavedForecast make_forecast_at(const SiteProfile& profile, const Sweep& sweep, const Plan& plan);
// The same for people: tasks, rank or GPU hours, makespan, disk, and how many jobs of the profile's time that makes.
std::string submission_plan(const Sweep& sweep, const Plan& plan, const SiteProfile& profile,
                            const SavedForecast& saved);

// How many jobs of that wall time a makespan takes, when each but the last is stopped at Slurm's warning.
int expected_jobs(double makespan_s, std::chrono::seconds wall_time);

// Writes the campaign's job.sh and hands it to sbatch, with the variables of any job around this process left out. Returns the
// job's number. Throws Blame::system with what sbatch said.
std::string hand_to_slurm(const CampaignFolder& folder, const BatchJob& job);

} // namespace dagan::launcher
