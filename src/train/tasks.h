// The four kinds of tasks: selector, DAGAN, pool, classifier. Given a task, its data and a folder,
// a function trains and writes files. No MPI, YAML, SQL or plan here.
//
// Each function resumes from the task's own checkpoint if the folder has a valid one; the result
// has the bits of an uninterrupted run. It writes checkpoints on a schedule and on a stop request.
//
//     const TaskPaths paths("campaigns/demo");
//     NullObserver observer;
//     const TaskOutput output = train_classifier(task, key_of(task), data, paths, observer);
//     // output.outcome == Outcome::done: output.score holds the accuracies
//
// All throw Error by Blame; gang::GangBroken passes through.
#pragma once

#include "data/dataset.h"
#include "data/pool.h"
#include "gang/group.h"
#include "spec/result.h"
#include "spec/task.h"
#include "train/device/compute.h"
#include "train/observer.h"
#include "train/task_paths.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dagan::train {

// The output of a task. The launcher adds key, attempt and cost to make a TaskResult.
struct TaskOutput {
    // done, diverged or interrupted; everything else is an exception.
    Outcome outcome = Outcome::done;
    std::optional<ClassifierScore> score = std::nullopt;
    // Of the whole run, earlier attempts included.
    std::vector<CurvePoint> curve = {};
    // Sample sheets of a DAGAN: that of the chosen checkpoint first.
    std::vector<Artifact> artifacts = {};
    // Steps of this attempt, in the units of Observer::progress, and their median duration.
    int64_t steps_done = 0;
    double seconds_per_step = 0;
};

// Parameters of all functions: `task_key` names the files. The GPU of `compute`, if any, belongs to
// the task while it runs. If the output file of a selector, DAGAN or pool is already complete, its
// output is read from the file and nothing is trained. A finished classifier leaves no file.

// Trains the classifier that scores candidates, eq. (31).
TaskOutput train_selector(const SelectorTask& task, const std::string& task_key,
                          const data::Dataset& data, const TaskPaths& paths, Observer& observer,
                          const Compute& compute = {});
// Trains a DAGAN. Collective over the group, which has task.ranks members. Position 0 writes files,
// scores candidates with the selector's weights and chooses one; the others return the same outcome
// without curve and artifacts.
TaskOutput train_gan(const GanTask& task, const std::string& task_key, const data::Dataset& data,
                     const TaskPaths& paths, gang::Group& group, Observer& observer,
                     const Compute& compute = {});
// Generates task.pool_size images from every training case.
TaskOutput make_pool(const PoolTask& task, const std::string& task_key, const data::Dataset& data,
                     const TaskPaths& paths, Observer& observer, const Compute& compute = {});
// Trains one classifier and evaluates its test cases.
TaskOutput train_classifier(const ClassifierTask& task, const std::string& task_key,
                            const data::Dataset& data, const TaskPaths& paths, Observer& observer,
                            const Compute& compute = {});

} // namespace dagan::train
