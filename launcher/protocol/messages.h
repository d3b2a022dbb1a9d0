// The messages between coordinator, agents and trainers. The same messages pass over MPI
// (coordinator - agent) and over the socket (agent - trainer). Their binary form is the fields in
// order, without names or versions, so only programs of one build understand each other; a
// trainer's first message carries its version, and the agent refuses another one.
//
//     mailbox.send(rank, encode(StopWork{}));
//     const Message message = decode_message(envelope.bytes);
//     if (const auto* ended = std::get_if<Ended>(&message)) coordinator.on_ended(*ended);
#pragma once

#include "spec/result.h"
#include "spec/task.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dagan::launcher {

// Coordinator -> agent -> trainer: run this attempt. If `members` has several ranks, the attempt is
// a gang's and the receiver is its member `position`.
struct Assign {
    std::string task;    // key
    int64_t attempt = 0; // token of the store
    TaskSpec spec;
    std::vector<int> members; // world ranks, by position
    int position = 0;

    DAGAN_FIELDS(task, attempt, spec, members, position)
    bool operator==(const Assign&) const = default;
};

// Coordinator -> agents -> trainers: write a checkpoint and end the attempt as interrupted.
struct StopWork {
    DAGAN_FIELDS()
    bool operator==(const StopWork&) const = default;
};

// Coordinator -> agents: the MPI job is over; exit.
struct ShutDown {
    DAGAN_FIELDS()
    bool operator==(const ShutDown&) const = default;
};

// Agent -> coordinator: this rank is ready for assignments.
struct RankUp {
    std::string host; // name of the rank's node

    DAGAN_FIELDS(host)
    bool operator==(const RankUp&) const = default;
};

// Agent -> coordinator: this rank received a stop signal.
struct StopRequested {
    DAGAN_FIELDS()
    bool operator==(const StopRequested&) const = default;
};

// Agent -> coordinator and coordinator -> agents, at intervals: the rank is alive
// (cluster/process/liveness.h).
struct Heartbeat {
    DAGAN_FIELDS()
    bool operator==(const Heartbeat&) const = default;
};

// Trainer -> agent: the trainer has loaded LibTorch and waits for an assignment.
struct TrainerReady {
    std::string version; // of the program dagan-train

    DAGAN_FIELDS(version)
    bool operator==(const TrainerReady&) const = default;
};

// Trainer -> agent -> coordinator: the trainer is alive and has done `step` of `steps`.
struct Progress {
    std::string task; // key
    int64_t attempt = 0;
    int64_t step = 0, steps = 0;
    // Of this attempt, in seconds, without the time spent waiting for the gang; 0 before the first
    // step has been measured.
    double longest_step_s = 0;

    DAGAN_FIELDS(task, attempt, step, steps, longest_step_s)
    bool operator==(const Progress&) const = default;
};

// Trainer -> agent -> coordinator: one member of the attempt has ended. The agent sends it for a
// trainer that died.
struct Ended {
    int position = 0;
    TaskResult result;

    DAGAN_FIELDS(position, result)
    bool operator==(const Ended&) const = default;
};

// Coordinator -> the agents of the attempt's members: a peer allocation has taken over the task.
// Kill the attempt's trainers without a checkpoint.
struct Abandon {
    int64_t attempt = 0;

    DAGAN_FIELDS(attempt)
    bool operator==(const Abandon&) const = default;
};

// Agent -> the agents of a gang's other members: a member failed. On GPUs the others wait for it
// inside NCCL, so their trainers must be killed.
struct MemberLost {
    int64_t attempt = 0;

    DAGAN_FIELDS(attempt)
    bool operator==(const MemberLost&) const = default;
};

using Message = std::variant<Assign, StopWork, ShutDown, RankUp, StopRequested, Heartbeat,
                             TrainerReady, Progress, Ended, MemberLost, Abandon>;

std::string encode(const Message& message);
// Throws Blame::bug if `bytes` is not the output of encode() in this build.
Message decode_message(std::string_view bytes);

} // namespace dagan::launcher
