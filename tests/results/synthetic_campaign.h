// A synthetic campaign as large as Table 1, computed from a formula within seconds.
//
// It has 550 finished classifiers of 200 epochs on three data sets; step-matched baselines, some of
// which failed; two DAGANs with curves and contact sheets; attempts that died and were retried; and
// eight trainers on two hosts. Equal calls create equal databases.
#pragma once

#include "results/report/report.h"
#include "results/store/store.h"

#include <filesystem>

namespace dagan::results::testing {

struct SyntheticSize {
    int epochs = 200;
    int seeds = 5;
};

// Returns the tasks in the order of a plan.
Plan synthetic_plan(const SyntheticSize& size = {});

// Records the whole campaign in `store`. All attempts have the present time.
void run_synthetic_campaign(Store& store, const SyntheticSize& size = {});

// Creates a campaign's database and contact sheets in `folder`. The attempts have the times of a
// real campaign.
void make_synthetic_campaign(const std::filesystem::path& folder, const SyntheticSize& size = {});

// Returns a forecast for the report: classifiers 1.5 times as fast as they were, DAGANs as fast.
Prediction synthetic_prediction(const SyntheticSize& size = {});

} // namespace dagan::results::testing
