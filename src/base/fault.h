// Injected faults, for tests: a process that passes a named point dies, freezes or fails there when the environment says so.
// Always compiled in, so that what is tested is what is shipped; unset, a point costs one load and a branch.
//
//   DAGAN_FAULT=point[:n][=kill|stop|error][,...]   at the n-th passage (default the first): SIGKILL (default), SIGSTOP, or an
//   Error with
//                                                   Blame::system
//   DAGAN_FAULT_PROGRAM=name, DAGAN_FAULT_RANK=n    only in this program, only in this rank and its trainers
//   DAGAN_FAULT_ONCE=file                           only while this file does not exist; it is made first, so that of all
//   processes and
//                                                   restarts that inherit the environment just one is hit
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dagan {

enum class FaultPoint {
    before_write,
    after_write,
    before_fsync,
    after_fsync,
    before_rename,
    after_rename, // whole files: checkpoints, pools, campaign.json, ...
    attempt,
    before_commit,
    after_commit, // the store
    send,
    receive, // a frame between agent and trainer
    mail_send,
    mail_receive, // a message between ranks
    before_reduce,
    amid_reduce,
    after_reduce, // a gang's round: its agreement, its data, its answer
    spawn,        // a trainer is asked for
    task_begin,
    task_end, // in the trainer
    status_written,
    ending_written, // in rank 0
};

struct FaultPointInfo {
    FaultPoint point;
    std::string_view name;
    std::vector<std::string_view>
        programs; // that pass it in every campaign with a gang and checkpoints
};

// All points; the test of faults goes through this list.
const std::vector<FaultPointInfo>& fault_points();

// Does what the environment says about this point. Throws Blame::system for an injected error, Blame::input (at the first point
// passed) when the environment names what is no point.
void fault_point(FaultPoint point);

// One wish of DAGAN_FAULT.
struct FaultSpec {
    enum class Action { kill, stop, error };
    FaultPoint point = FaultPoint::before_write;
    long passage = 1; // 1 is the first
    Action action = Action::kill;
    bool operator==(const FaultSpec&) const = default;
};

// Throws Blame::input with what cannot be understood.
std::vector<FaultSpec> parse_faults(std::string_view text);

} // namespace dagan
