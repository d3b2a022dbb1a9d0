// A campaign as large as the whole Table 1, made by formula within seconds: 550 finished classifiers of 200 epochs on three data
// sets and step-matched baselines, of which some failed; two DAGANs with curves and sample sheets; attempts that died on the way;
// eight trainers on two hosts. Equal calls make equal databases.
#pragma once

#include "results/report/report.h"
#include "results/store/store.h"

#include <filesystem>

namespace dagan::results::testing {

struct SyntheticSize {
    int epochs = 200;
    int seeds = 5;
};

// The tasks, in the order of a plan.
Plan synthetic_plan(const SyntheticSize& size = {});

// Runs them all through `store`. Times are entered as if attempts had taken minutes: see spread_times_out.
void run_synthetic_campaign(Store& store, const SyntheticSize& size = {});

// Makes `folder` a campaign: results.sqlite, sample sheets.
void make_synthetic_campaign(const std::filesystem::path& folder, const SyntheticSize& size = {});

// What its plan is said to have expected: classifiers half again as fast as they were, DAGANs as they were.
Prediction synthetic_prediction(const SyntheticSize& size = {});

} // namespace dagan::results::testing
