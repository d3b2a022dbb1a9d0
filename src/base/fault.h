// Fault injection for tests. The programs call fault_point() at named points; if the environment
// selects the point, the process is killed, is stopped, or throws an Error there. The points are
// compiled into every build, so the tests exercise the shipped programs. Without DAGAN_FAULT, a
// point costs one load and one branch.
//
//   variable                      effect
//   DAGAN_FAULT=SPEC[,SPEC...]    SPEC is point[:n][=action]. The n-th passage (default 1) through
//                                 the point in this process triggers the action:
//                                   kill   SIGKILL (default)
//                                   stop   SIGSTOP
//                                   error  throws an Error with Blame::system
//   DAGAN_FAULT_PROGRAM=name      only in the program of this name (dagan, dagan-worker,
//                                 dagan-train)
//   DAGAN_FAULT_RANK=n            only in rank n of the MPI job and in its trainers
//   DAGAN_FAULT_ONCE=file         only if `file` does not exist; it is created first, so only one
//                                 of all the processes that inherit the environment is hit
//
// Example: DAGAN_FAULT=before_rename:2=error DAGAN_FAULT_RANK=0 dagan run ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dagan {

enum class FaultPoint {
    // Files that are written atomically: checkpoints, pools, campaign.json, ... (base/file.h)
    before_write,
    after_write,
    before_fsync,
    after_fsync,
    before_rename,
    after_rename,

    // The store: a new attempt is recorded; a transaction is committed
    attempt,
    before_commit,
    after_commit,

    // A frame between an agent and its trainer
    send,
    receive,

    // A message between ranks
    mail_send,
    mail_receive,

    // A gang's round: before the votes are gathered, before the mean, after it
    before_reduce,
    amid_reduce,
    after_reduce,

    // An agent asks the spawner for a trainer
    spawn,

    // A trainer starts and ends a task
    task_begin,
    task_end,

    // Rank 0 has written the status file, or the file that tells how the job ended
    status_written,
    ending_written,
};

struct FaultPointInfo {
    FaultPoint point;
    std::string_view name; // in DAGAN_FAULT: the enumerator's spelling
    // The programs that pass the point in every campaign with a gang and checkpoints.
    std::vector<std::string_view> programs;
};

// Returns all points, in the order of the enumeration. The end-to-end tests inject a fault at each.
const std::vector<FaultPointInfo>& fault_points();

// Triggers the fault that the environment selects for this passage, if any. The environment is
// read at the first call. Throws Blame::system for the action `error`, and Blame::input at the
// first call if DAGAN_FAULT is malformed.
void fault_point(FaultPoint point);

// One SPEC of DAGAN_FAULT.
struct FaultSpec {
    enum class Action { kill, stop, error };
    FaultPoint point = FaultPoint::before_write;
    long passage = 1; // counted from 1
    Action action = Action::kill;
    bool operator==(const FaultSpec&) const = default;
};

// Parses the value of DAGAN_FAULT; "" yields no spec. Throws Blame::input if it is malformed.
std::vector<FaultSpec> parse_faults(std::string_view text);

} // namespace dagan
