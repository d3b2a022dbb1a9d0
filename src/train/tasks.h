// The four kinds of work, each complete in itself: given a task, its data and a folder, train and leave files. No MPI, YAML, SQL
// or plan here. Each resumes from its own checkpoint when the folder has one that fits, bit by bit as if never interrupted, and
// writes one on a schedule and when the observer asks to stop.
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

// What a task leaves behind; the launcher adds key, attempt and cost to make it a TaskResult.
struct TaskOutput {
    Outcome outcome = Outcome::done; // done, diverged or interrupted; all else is thrown
    std::optional<ClassifierScore> score = std::nullopt;
    std::vector<CurvePoint> curve = {};   // of the whole run, also what earlier attempts added
    std::vector<Artifact> artifacts = {}; // sample sheets of a DAGAN: the chosen checkpoint's first
    int64_t steps_done =
        0; // in this attempt: iterations of a DAGAN, optimiser steps of a classifier, images of a pool
    double seconds_per_step = 0; // median; of such a step
};

// `task_key` names the files. The GPU of `compute`, when it has one, is this task's while it runs. All throw Error by blame;
// GangBroken passes through. A selector, DAGAN or pool whose file is already whole is not made again: its output is read from the
// file. A classifier leaves no file behind when it is done.
TaskOutput train_selector(const SelectorTask& task, const std::string& task_key,
                          const data::Dataset& data, const TaskPaths& place, Observer& observer,
                          const Compute& compute = {});
// Collective over the group, which has task.ranks members. Position 0 writes files, scores candidates with the selector's weights
// and chooses; the others return the same outcome without curve and artifacts.
TaskOutput train_gan(const GanTask& task, const std::string& task_key, const data::Dataset& data,
                     const TaskPaths& place, gang::Group& group, Observer& observer,
                     const Compute& compute = {});
TaskOutput make_pool(const PoolTask& task, const std::string& task_key, const data::Dataset& data,
                     const TaskPaths& place, Observer& observer, const Compute& compute = {});
TaskOutput train_classifier(const ClassifierTask& task, const std::string& task_key,
                            const data::Dataset& data, const TaskPaths& place, Observer& observer,
                            const Compute& compute = {});

} // namespace dagan::train
