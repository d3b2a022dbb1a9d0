// What comes back from a worker: one TaskResult per attempt, whatever happened.
#pragma once

#include "spec/fields.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dagan {

// done, and diverged (a legitimate result of training), end a task; the others say whose fault it was. lost: with the whole job.
DAGAN_ENUM(Outcome, done, diverged, interrupted, died, stuck, input_error, system_error,
           out_of_memory, bug, lost)

// A file that outlives its task. `role`: "weights", "pool", "samples" (a PNG); path relative to the campaign folder.
struct Artifact {
    std::string role;
    std::string path;
    std::string sha256;

    DAGAN_FIELDS(role, path, sha256)
    bool operator==(const Artifact&) const = default;
};

// One value of one curve: quantity "loss", "validation_accuracy", "critic_loss", "penalty", "spread", "score", ...
struct CurvePoint {
    int64_t step = 0; // epochs of a classifier, iterations of a DAGAN
    std::string quantity;
    double value = 0;

    DAGAN_FIELDS(step, quantity, value)
    bool operator==(const CurvePoint&) const = default;
};

// A classifier's numbers. Test counts are those of the weights of `best_epoch`, the only ones that exist.
struct ClassifierScore {
    int64_t steps = 0;  // optimiser steps of the whole run
    int best_epoch = 0; // 1-based
    int validation_correct = 0, validation_total = 0;
    int test_correct = 0, test_total = 0;

    DAGAN_FIELDS(steps, best_epoch, validation_correct, validation_total, test_correct, test_total)
    bool operator==(const ClassifierScore&) const = default;
};

// Where and how fast an attempt ran.
struct Cost {
    std::string device; // "cpu" or a GPU's name
    double seconds = 0; // of this attempt
    int64_t steps = 0;  // done in this attempt
    double seconds_per_step = 0;

    DAGAN_FIELDS(device, seconds, steps, seconds_per_step)
    bool operator==(const Cost&) const = default;
};

struct TaskResult {
    std::string task;    // key
    int64_t attempt = 0; // the token under which it ran; a result with an old token is refused
    Outcome outcome = Outcome::done;
    std::string error = {}; // "" when done
    std::optional<ClassifierScore> score =
        std::nullopt; // classifiers (and selectors) that are done
    std::vector<CurvePoint> curve = {};
    std::vector<Artifact> artifacts = {};
    Cost cost = {};
    std::string host = {}; // of the member that explains the end; "" where the attempt began

    DAGAN_FIELDS(task, attempt, outcome, error, score, curve, artifacts, cost, host)
    bool operator==(const TaskResult&) const = default;
};

} // namespace dagan
