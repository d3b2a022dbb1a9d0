// The result of an attempt: what a trainer reports, the coordinator judges and the store keeps.
// Every member of an attempt reports one TaskResult, whether it finished, failed or was stopped.
// This header alone defines what an outcome means. C++ code calls is_finished(), is_failure() or
// implicates_node(); SQL texts are made with finished_outcomes_sql() and node_outcomes_sql().
// How often a failed task is retried is the schedule's decision (launcher/scheduling/schedule.h).
#pragma once

#include "spec/fields.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dagan {

//  outcome         how the attempt ended
//  done            training or generation completed
//  diverged        a loss or a weight was not finite: a legitimate result of training, but
//                  a DAGAN that diverged leaves no weights for the tasks that need it
//  interrupted     a stop request, or another member broke the gang
//  died            the trainer process ended before it reported a result
//  stuck           the agent killed the trainer because it was silent for too long
//  input_error     an Error with Blame::input
//  system_error    an Error with Blame::system, a failed GPU, or a gang that broke although no
//                  member failed
//  out_of_memory   host or GPU memory was insufficient
//  bug             an Error with Blame::bug, or any other exception
//  lost            the whole MPI job ended while the attempt was running
DAGAN_ENUM(Outcome, done, diverged, interrupted, died, stuck, input_error, system_error,
           out_of_memory, bug, lost)

// The task has a result.
constexpr bool is_finished(Outcome outcome) {
    return outcome == Outcome::done || outcome == Outcome::diverged;
}

// The attempt failed: it has no result, and it was not interrupted.
constexpr bool is_failure(Outcome outcome) {
    return !is_finished(outcome) && outcome != Outcome::interrupted;
}

// A failure that the node may have caused; such failures count against its health.
constexpr bool implicates_node(Outcome outcome) {
    return outcome == Outcome::died || outcome == Outcome::stuck ||
           outcome == Outcome::system_error || outcome == Outcome::out_of_memory;
}

// The outcomes for which is_finished() or implicates_node() holds, as an SQL list without
// parentheses: "'done', 'diverged'". Use: "... WHERE outcome IN (" + finished_outcomes_sql() + ")".
std::string finished_outcomes_sql();
std::string node_outcomes_sql();

// A file that outlives its task.
struct Artifact {
    std::string role; // "weights", "pool" or "samples" (a PNG)
    std::string path; // relative to the campaign's directory
    std::string sha256;

    DAGAN_FIELDS(role, path, sha256)
    bool operator==(const Artifact&) const = default;
};

// One value of one curve.
struct CurvePoint {
    int64_t step = 0;     // epochs of a classifier, iterations of a DAGAN
    std::string quantity; // "loss", "validation_accuracy", "critic_loss", "penalty", "score", ...
    double value = 0;

    DAGAN_FIELDS(step, quantity, value)
    bool operator==(const CurvePoint&) const = default;
};

// A classifier's numbers. The test counts are those of the weights of `best_epoch`; no other
// epoch is tested.
struct ClassifierScore {
    int64_t steps = 0;  // optimiser steps of the whole run
    int best_epoch = 0; // counted from 1
    int validation_correct = 0, validation_total = 0;
    int test_correct = 0, test_total = 0;

    DAGAN_FIELDS(steps, best_epoch, validation_correct, validation_total, test_correct, test_total)
    bool operator==(const ClassifierScore&) const = default;
};

// Where and how fast an attempt ran. Seconds and steps count this attempt only.
struct Cost {
    std::string device; // "cpu" or a GPU's name
    double seconds = 0;
    int64_t steps = 0;
    double seconds_per_step = 0;

    DAGAN_FIELDS(device, seconds, steps, seconds_per_step)
    bool operator==(const Cost&) const = default;
};

struct TaskResult {
    std::string task;    // key
    int64_t attempt = 0; // the attempt's token; the store refuses a result with an old token
    Outcome outcome = Outcome::done;
    std::string error = {}; // why the attempt failed; "" if it is finished or was stopped
    // Of classifiers and selectors that are done.
    std::optional<ClassifierScore> score = std::nullopt;
    std::vector<CurvePoint> curve = {};
    std::vector<Artifact> artifacts = {};
    Cost cost = {};
    // Host of the member that failed; "" stands for the host where the attempt began.
    std::string host = {};

    DAGAN_FIELDS(task, attempt, outcome, error, score, curve, artifacts, cost, host)
    bool operator==(const TaskResult&) const = default;
};

} // namespace dagan
