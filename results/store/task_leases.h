// Leases that decide which of several allocations works on which task of one campaign. They live in
// the shared PostgreSQL store.
//
// An allocation acquires tasks, renews its leases regularly and releases each when it is done. A
// lease that is not renewed in time expires, by the server's clock, and the task is free again, so
// a dead allocation blocks nobody. Acquiring never waits for another allocation (FOR UPDATE SKIP
// LOCKED), and two allocations never hold the same task at once. Leases avoid duplicate work; they
// do not make results count once: the store does, since it refuses results that are not of a task's
// current attempt (results/store/store.h).
//
//     TaskLeases leases(location, "1.3", std::chrono::minutes(2));
//     for (const TaskLease& lease : leases.acquire(ready_tasks, 4)) start(lease.task);
//     leases.renew();       // several times per lease
//     leases.release(task); // after the store has committed the task's end
#pragma once

#include "results/database/location.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dagan::results {

struct TaskLease {
    std::string task;  // key
    int64_t token = 0; // larger than that of every earlier lease of any task
};

// Not thread-safe. Every function throws Blame::system if the server cannot be reached.
class TaskLeases {
  public:
    // Connects to the store. `owner` names this allocation and no other that is alive at the same
    // time. `lease`: the time after which a lease expires unless it is renewed. The campaign's
    // tasks must have been entered (Store::enter). Throws Blame::input if `location` is not a
    // server.
    TaskLeases(const Location& location, std::string owner, std::chrono::milliseconds lease);
    ~TaskLeases();

    // Acquires up to `count` of the free tasks among `candidates`, in their order, and skips those
    // that are held. Does not check whether a task has ended.
    std::vector<TaskLease> acquire(std::span<const std::string> candidates, int count);

    // The state of the tasks that other allocations work on.
    struct Peers {
        // Tasks that other allocations hold.
        std::vector<std::string> held;
        // Tasks that have ended, by any allocation. Contains every need of a task in `held`.
        std::vector<std::string> ended;
    };
    // Reads the present state of the other allocations.
    Peers peers();

    // Extends every lease of this allocation that has not expired, and returns those. A task that
    // is missing from the answer was lost, and work on it is wasted. Call it several times per
    // lease.
    std::vector<TaskLease> renew();

    // Releases a task, which any allocation may then acquire at once. If the task has ended, call
    // this only after the store has committed its end. No-op if this allocation does not hold it.
    void release(const std::string& task);

    // Releases every task whose owner's name begins with `prefix`, except this owner's: earlier
    // runs of this allocation, which are known to be over.
    void release_by_owner_prefix(const std::string& prefix);

  private:
    class Connection;
    std::unique_ptr<Connection> connection_;
    std::string owner_;
    std::chrono::milliseconds lease_;
};

} // namespace dagan::results
