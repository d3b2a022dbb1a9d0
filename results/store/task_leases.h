// Who of several allocations works on which task of one campaign: leases in the shared PostgreSQL store. An allocation claims
// tasks, renews its leases now and then, and gives each back when it is over. A lease that is not renewed in time expires, by the
// server's clock, and the task is anybody's again: a dead allocation blocks nobody. Claiming never waits for another claimer (FOR
// UPDATE SKIP LOCKED), and no two ever hold the same task at once. That a result counts once does not rest on this but on the
// store, which refuses what is not of a task's current attempt.
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
    int64_t token = 0; // larger than that of every earlier claim of any task
};

// Not to be shared between threads. All throw Blame::system when the server cannot be reached.
class TaskLeases {
  public:
    // `owner` names this allocation and no other that lives at the same time. The campaign's tasks must have been entered
    // (Store::enter). Throws Blame::input when `location` is not a server's.
    TaskLeases(const Location& location, std::string owner, std::chrono::milliseconds lease);
    ~TaskLeases();

    // Takes up to `count` of `candidates` that nobody holds, in their order; those that others hold are passed by. Whether they
    // have ended it does not ask.
    std::vector<TaskLease> acquire(std::span<const std::string> candidates, int count);

    // What the others do. `held`: the tasks that they hold now. `ended`: those that have ended, whoever ended them; a need of a
    // held task is among them.
    struct Peers {
        std::vector<std::string> held, ended;
    };
    Peers peers();

    // Extends every lease of this allocation that has not expired. Returns those it still holds; a task that is missing has been
    // lost, and what is still done for it is in vain. Call it several times a lease.
    std::vector<TaskLease> renew();

    // Gives a task back, to be claimed by anybody at once. When it has ended, only after the store has committed that.
    void release(const std::string& task);

    // Lets go of everything that other owners whose names begin so hold: earlier runs of this allocation, known to be over.
    void release_those_of(const std::string& beginning);

  private:
    class Connection;
    std::unique_ptr<Connection> connection_;
    std::string owner_;
    std::chrono::milliseconds lease_;
};

} // namespace dagan::results
