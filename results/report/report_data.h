// The data of a report, read from the database before any section is made. Internal to results.
#pragma once

#include "results/query/queries.h"
#include "results/query/runs.h"
#include "results/report/timeline.h"
#include "results/store/store.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

struct TrainedGan {
    // The task's key.
    std::string task, dataset;
    // The outcome of the latest attempt, "running", or "waiting" (not started).
    std::string state;
    // By quantity.
    std::map<std::string, Curve> curves;
    // Contact sheets: PNG files relative to the campaign's folder, by iteration.
    std::vector<std::string> samples;
};

struct FailedAttempt {
    // The task, for people: "classifier omniglot n=5 m=3 seed=0".
    std::string label;
    std::string task, outcome, error, host;
    // ISO 8601, UTC.
    std::string started;
    // The task is not tried again.
    bool final = false;
};

struct MissingTrial {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0, seed = 0;
    std::string budget;
    int attempts = 0;
    // Of the latest attempt; "" if it has not ended.
    std::string outcome, error;
};

struct HostUse {
    // device: "" if it was not recorded.
    std::string host, device;
    int attempts = 0;
    double hours = 0;
    // Start of the first attempt and end of the last; ISO 8601, UTC.
    std::string first, last;
};

struct StepCost {
    std::string kind, device;
    int attempts = 0;
    int64_t steps = 0;
    double seconds_per_step = 0;
};

// The time a task took so far: the seconds of all its attempts.
struct TaskSeconds {
    std::string task, kind, dataset;
    bool done = false;
    double seconds = 0;
};

struct ReportData {
    Campaign campaign;
    // How the sweep is smaller than the paper's (reductions.h); nullopt if another version of this
    // program wrote the sweep and this one cannot read it.
    std::optional<std::vector<std::string>> reduced;
    std::vector<TrialRow> trials;
    std::vector<CellRow> cells;
    std::vector<Table1Row> table1;
    std::vector<GainRow> gains;
    std::vector<ChoiceRow> choices;
    // By data set, then key.
    std::vector<TrainedGan> gans;
    // In the order in which they started, as are `attempts`.
    std::vector<FailedAttempt> failures;
    std::vector<MissingTrial> missing;
    std::vector<HostUse> hosts;
    std::vector<StepCost> costs;
    std::vector<TimedAttempt> attempts;
    std::vector<TaskSeconds> task_seconds;
    // Time of the latest start or end of an attempt; ISO 8601, UTC; "" if none has started.
    std::string latest;
    // Of each data set by name; "" if unknown.
    std::map<std::string, std::string> dataset_sha256;
};

// Reads everything. Throws Blame::input if `database` holds no campaign.
ReportData read_report_data(const Location& database);

} // namespace dagan::results
