// What coordinator, agents and trainers say to each other. The same messages pass over MPI (coordinator - agent) and over the
// socket (agent - trainer), in a binary form that only programs of one build share; a trainer's first word is its version.
#pragma once

#include "spec/result.h"
#include "spec/task.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dagan::launcher {

// Coordinator -> agent -> trainer: run this attempt; as member `position` of a gang when there are several members (world ranks).
struct Assign {
    std::string task; // key
    int64_t attempt = 0;
    TaskSpec spec;
    std::vector<int> members;
    int position = 0;

    DAGAN_FIELDS(task, attempt, spec, members, position)
    bool operator==(const Assign&) const = default;
};

// Coordinator -> agents -> trainers: write a checkpoint and return the task as interrupted.
struct StopWork {
    DAGAN_FIELDS()
    bool operator==(const StopWork&) const = default;
};

// Coordinator -> agents: the job is over.
struct ShutDown {
    DAGAN_FIELDS()
    bool operator==(const ShutDown&) const = default;
};

// Agent -> coordinator.
struct RankUp {
    std::string host;

    DAGAN_FIELDS(host)
    bool operator==(const RankUp&) const = default;
};

// Agent -> coordinator: this rank was asked to stop by a signal.
struct StopRequested {
    DAGAN_FIELDS()
    bool operator==(const StopRequested&) const = default;
};

// Agent -> coordinator, and coordinator -> agents, once a second: still here.
struct Beat {
    DAGAN_FIELDS()
    bool operator==(const Beat&) const = default;
};

// Trainer -> agent: LibTorch is loaded, give me work.
struct TrainerReady {
    std::string version; // of its program

    DAGAN_FIELDS(version)
    bool operator==(const TrainerReady&) const = default;
};

// Trainer -> agent -> coordinator: alive, and this far.
struct Progress {
    std::string task;
    int64_t attempt = 0;
    int64_t step = 0, steps = 0;
    double longest_step_s =
        0; // between two looks at the world in this attempt; 0 before the second

    DAGAN_FIELDS(task, attempt, step, steps, longest_step_s)
    bool operator==(const Progress&) const = default;
};

// Trainer -> agent -> coordinator, or from the agent in a dead trainer's place: one member's attempt is over.
struct Ended {
    int position = 0;
    TaskResult result;

    DAGAN_FIELDS(position, result)
    bool operator==(const Ended&) const = default;
};

// Coordinator -> the agents of an attempt's members: it is in vain, as another allocation has the task. Its trainers are ended
// without a checkpoint.
struct Abandon {
    int64_t attempt = 0;

    DAGAN_FIELDS(attempt)
    bool operator==(const Abandon&) const = default;
};

// Agent -> the agents of a gang's other members: one of them was lost. Where they compute on GPUs they wait for it within NCCL,
// and must be ended.
struct MemberLost {
    int64_t attempt = 0;

    DAGAN_FIELDS(attempt)
    bool operator==(const MemberLost&) const = default;
};

using Message = std::variant<Assign, StopWork, ShutDown, RankUp, StopRequested, Beat, TrainerReady,
                             Progress, Ended, MemberLost, Abandon>;

std::string encode(const Message& message);
Message decode_message(std::string_view bytes); // throws Blame::bug on what encode did not write

} // namespace dagan::launcher
