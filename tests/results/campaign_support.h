// Small synthetic campaigns for tests: plans without data files, and results from a formula.
#pragma once

#include "base/error.h"
#include "base/temporary_folder.h"
#include "results/store/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace dagan::results::testing {

inline Campaign campaign(const std::string& name = "test") {
    Sweep sweep;
    sweep.name = name;
    return {name, to_text(sweep), "0.1.0", "2026-01-02T03:04:05Z"};
}

inline ClassifierTask classifier(const std::string& dataset, int n, int m, int seed,
                                 int match_steps_of = 0) {
    ClassifierTask task;
    task.dataset.name = dataset;
    task.samples_per_class = n;
    task.generated_per_real = m;
    task.seed = seed;
    task.match_steps_of = match_steps_of;
    task.classifier.softmax = Softmax::held_out;
    return task;
}

inline PlannedTask planned(TaskSpec spec) { return {key_of(spec), spec, {}}; }

// A plan of `count` seeds of one configuration.
inline Plan plan_of_seeds(int count) {
    Plan plan;
    for (int seed = 0; seed < count; ++seed)
        plan.tasks.push_back(planned(classifier("omniglot", 5, 0, seed)));
    return plan;
}

// Returns the message of the Error that `work` throws, and checks its category; "accepted" if
// `work` throws none.
inline std::string refusal(const std::function<void()>& work, Blame blame = Blame::input) {
    try {
        work();
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), blame) << error.what();
        return error.what();
    }
    return "accepted";
}

// The result of a finished classifier. The best of `epochs` epochs is `best_epoch`; the others have
// half its correct answers.
inline TaskResult scored(const std::string& task, int64_t token, int validation_correct,
                         int test_correct, int total = 1000, int best_epoch = 2, int epochs = 3) {
    TaskResult result;
    result.task = task;
    result.attempt = token;
    result.score = ClassifierScore{100, best_epoch, validation_correct, total, test_correct, total};
    for (int epoch = 1; epoch <= epochs; ++epoch) {
        const int correct = epoch == best_epoch ? validation_correct : validation_correct / 2;
        result.curve.push_back(
            {epoch, "validation_accuracy", static_cast<double>(correct) / total});
        result.curve.push_back({epoch, "loss", 1.0 / epoch});
    }
    result.cost = {"cpu", 2.0, 100, 0.02};
    return result;
}

inline TaskResult ended(const std::string& task, int64_t token, Outcome outcome,
                        const std::string& error = "") {
    TaskResult result;
    result.task = task;
    result.attempt = token;
    result.outcome = outcome;
    result.error = error;
    return result;
}

// Records a finished attempt of a classifier.
inline void finish(Store& store, const PlannedTask& task, int validation_correct, int test_correct,
                   int total = 1000) {
    const auto token = store.start_attempt(task.key, "0", "host");
    store.finish_attempt(scored(task.key, token, validation_correct, test_correct, total), true,
                         false);
}

} // namespace dagan::results::testing
