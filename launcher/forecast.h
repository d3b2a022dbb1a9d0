// What a plan will take: expected seconds of each task (operations counted from the networks over a rate), and the makespan on so
// many ranks, found by running the real Schedule against simulated ranks.
#pragma once

#include "launcher/schedule.h"
#include "spec/task.h"

#include <string>
#include <vector>

namespace dagan {

// Sustained multiply-adds per second of one rank.
struct Rate {
    double macs_per_s = 2.0e10; // one core of a present-day CPU, float32, as measured with the full-size networks
    double uncertainty = 2.0;   // the true rate lies within this factor either way
};

// One per task; a gang's is its wall time on all its ranks together.
std::vector<double> expected_seconds(const Plan& plan, const Rate& rate = {});

struct Forecast {
    double makespan_s = 0;
    double rank_seconds = 0;    // work, over all ranks
    double critical_path_s = 0; // no number of ranks is faster
};

// Plays the campaign through on simulated ranks. Throws what Schedule throws (a gang that does not fit).
Forecast simulate(const Plan& plan, const std::vector<double>& seconds, Schedule::Resources resources);

// Disk that a campaign needs: checkpoints, pools and results.
int64_t disk_bytes(const Plan& plan);

} // namespace dagan
