// Predicts the cost of a plan: the expected seconds of each task (its multiply-adds divided by a
// rate), the makespan on a number of ranks, and the disk space. The makespan comes from a
// simulation: the real Coordinator and Schedule run against simulated ranks and a simulated clock.
// Failures and the cost of starting processes are not simulated.
//
//     const Rate rate = measured_rate(results_of(folder, manifest));
//     const SavedForecast forecast = make_forecast(plan, sweep.resources, ranks, false, rate);
//     print(forecast.forecast.makespan_s, forecast.rate.uncertainty);
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

// Sustained multiply-adds per second of a task, per rank and thread.
struct Rate {
    // Calibrated: one CPU core, float32, with the full-size networks.
    double macs_per_s = 2.0e10;
    // In nine cases of ten, the true cost of a task lies within this factor of the expected cost,
    // above or below.
    double uncertainty = 2.0;
    // Measured rates by kind of task; they replace `macs_per_s`.
    std::map<std::string, double> measured = {};

    // Returns the rate for a kind. If only other kinds were measured: their geometric mean.
    double of(TaskKind kind) const;
    std::string source() const { return measured.empty() ? "calibrated" : "measured"; }

    DAGAN_FIELDS(macs_per_s, uncertainty, measured)
};

// The calibrated rate of one GPU, float32 on its matrix units. It is an estimate, hence the large
// uncertainty.
inline Rate gpu_rate() { return {.macs_per_s = 5.0e12, .uncertainty = 4.0}; }

// Returns the rates of the attempts in `database` that ran a whole task without interruption, on
// GPUs or on CPUs; the calibrated rate if there are none.
Rate measured_rate(const results::Location& database, bool on_gpu = false);

// Returns the expected wall time of each task. A gang's ranks share its work.
std::vector<double> expected_seconds(const Plan& plan, const Rate& rate = {});

struct Forecast {
    double makespan_s = 0;
    double rank_seconds = 0;    // work of all ranks
    double critical_path_s = 0; // the makespan on any number of ranks is at least this

    DAGAN_FIELDS(makespan_s, rank_seconds, critical_path_s)
};

// The forecast of a campaign when it began, saved in forecast.json for comparison with the actual
// time.
struct SavedForecast {
    Rate rate;
    Forecast forecast;
    int ranks = 1;

    DAGAN_FIELDS(rate, forecast, ranks)
};
// Simulates a campaign with `ranks` CPU ranks or GPUs. The trainers that share a GPU count as one,
// because their gain is not known in advance. Throws as simulate() does.
SavedForecast make_forecast(const Plan& plan, const Resources& resources, int ranks, bool gpus,
                            const Rate& rate);
// Returns the rate for a campaign without measurements.
inline Rate calibrated_rate(bool gpus) { return gpus ? gpu_rate() : Rate{}; }
// Writes `file` unless it exists, so a campaign keeps its first forecast.
void keep_forecast(const std::filesystem::path& file, const SavedForecast& forecast);
// Returns nullopt if `file` does not exist or another version wrote it.
std::optional<SavedForecast> read_forecast(const std::filesystem::path& file);

// Runs the Coordinator's own loop with simulated ranks on which each task takes its `seconds`.
// Throws Blame::input if a gang has more members than there are ranks.
Forecast simulate(const Plan& plan, const std::vector<double>& seconds,
                  Schedule::Resources resources);

// Returns the disk space that a campaign needs for checkpoints, pools and results.
int64_t disk_bytes(const Plan& plan);

} // namespace dagan::launcher
