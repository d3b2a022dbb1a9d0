// What the report shows, read from the database at one time. Internal to results.
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
    std::string task, dataset;
    std::string state; // "done", "running", an outcome, or "waiting"
    std::map<std::string, Curve> curves;
    std::vector<std::string> samples; // PNG files relative to the campaign, by iteration
};

struct FailedAttempt {
    std::string label; // of its task, for people
    std::string task, outcome, error, host, started;
    bool final = false;
};

struct MissingTrial {
    std::string dataset;
    int samples_per_class = 0, generated_per_real = 0, seed = 0;
    std::string budget;
    int attempts = 0;
    std::string outcome, error; // of the latest attempt; "" when it has not ended
};

struct HostUse {
    std::string host, device;
    int attempts = 0;
    double hours = 0;
    std::string first, last; // start of the first attempt, end of the last
};

struct StepCost {
    std::string kind, device;
    int attempts = 0;
    int64_t steps = 0;
    double seconds_per_step = 0;
};

// What a task took so far: the seconds of all its attempts.
struct TaskSeconds {
    std::string task, kind, dataset;
    bool done = false;
    double seconds = 0;
};

struct ReportData {
    Campaign campaign;
    // In what the sweep does less than the paper; nothing when the sweep is of a version that this program cannot read.
    std::optional<std::vector<std::string>> reduced;
    std::vector<TrialRow> trials;
    std::vector<CellRow> cells;
    std::vector<Table1Row> table1;
    std::vector<GainRow> gains;
    std::vector<ChoiceRow> choices;
    std::vector<TrainedGan> gans;
    std::vector<FailedAttempt> failures;
    std::vector<MissingTrial> missing;
    std::vector<HostUse> hosts;
    std::vector<StepCost> costs;
    std::vector<TimedAttempt> attempts;
    std::vector<TaskSeconds> task_seconds;
    std::string latest;                                // time of the last thing that happened
    std::map<std::string, std::string> dataset_sha256; // by name
};

ReportData read_report_data(const Location& database);

} // namespace dagan::results
