// What a plan will take: expected seconds of each task (operations counted from the networks over a rate), and the makespan on so
// many ranks, found by running the real Coordinator and Schedule against simulated ranks and a simulated clock.
#pragma once

#include "launcher/scheduling/schedule.h"
#include "results/database/location.h"
#include "spec/sweep.h"
#include "spec/task.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

// Sustained multiply-adds per second of one trainer and thread. Calibrated (a figure for such machines) or measured.
struct Rate {
    double macs_per_s =
        2.0e10; // one core of a present-day CPU, float32, as measured with the full-size networks
    double uncertainty =
        2.0; // the true cost of a task lies within this factor either way, nine times in ten
    std::map<std::string, double> measured = {}; // instead, by kind of task, where it was measured

    double of(TaskKind kind) const;
    std::string source() const { return measured.empty() ? "calibrated" : "measured"; }

    DAGAN_FIELDS(macs_per_s, uncertainty, measured)
};

// A GPU of a present-day cluster, float32 on its matrix units. Not measured by us: a wide uncertainty says so.
inline Rate gpu_rate() { return {.macs_per_s = 5.0e12, .uncertainty = 4.0}; }

// From the attempts of a campaign's database that ran a whole task without interruption, those on GPUs or those on CPUs. Not
// measured where there are none.
Rate measured_rate(const results::Location& database, bool on_gpu = false);

// One per task; a gang's is its wall time on all its ranks together.
std::vector<double> expected_seconds(const Plan& plan, const Rate& rate = {});

struct Forecast {
    double makespan_s = 0;
    double rank_seconds = 0;    // work, over all ranks
    double critical_path_s = 0; // no number of ranks is faster

    DAGAN_FIELDS(makespan_s, rank_seconds, critical_path_s)
};

// What was foretold when a campaign began, kept in its folder (forecast.json) to be compared with what came of it.
struct SavedForecast {
    Rate rate;
    Forecast forecast;
    int ranks = 1;

    DAGAN_FIELDS(rate, forecast, ranks)
};
// Plays a campaign through on CPU ranks or GPUs. The trainers of one GPU share it, and what that gains is not known beforehand,
// so no gain is counted. Throws what simulate throws.
SavedForecast make_forecast(const Plan& plan, const Resources& resources, int ranks, bool gpus,
                            const Rate& rate);
// As calibrated, for a campaign that has measured nothing yet.
inline Rate calibrated_rate(bool gpus) { return gpus ? gpu_rate() : Rate{}; }
// Written once; a campaign that goes on keeps its first forecast.
void keep_forecast(const std::filesystem::path& file, const SavedForecast& forecast);
std::optional<SavedForecast> read_forecast(const std::filesystem::path& file);

// Plays the campaign through: the Coordinator's own loop, simulated ranks that take `seconds` for each task. Throws what Schedule
// throws (a gang that does not fit).
Forecast simulate(const Plan& plan, const std::vector<double>& seconds,
                  Schedule::Resources resources);

// Disk that a campaign needs: checkpoints, pools and results.
int64_t disk_bytes(const Plan& plan);

} // namespace dagan::launcher
