// What the report shows, read from the database at one time. Internal to results.
#pragma once

#include "results/queries.h"
#include "results/store.h"

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dagan {

using Curve = std::vector<std::pair<int64_t, double>>; // (step, value), NaN where it was not a number

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

struct ReportData {
    Campaign campaign;
    Sweep sweep;
    std::vector<TrialRow> trials;
    std::vector<CellRow> cells;
    std::vector<Table1Row> table1;
    std::vector<TrainedGan> gans;
    std::vector<FailedAttempt> failures;
    std::vector<MissingTrial> missing;
    std::vector<HostUse> hosts;
    std::vector<StepCost> costs;
    std::map<std::string, std::string> dataset_sha256; // by name
};

ReportData read_report_data(const std::filesystem::path& database);

} // namespace dagan
