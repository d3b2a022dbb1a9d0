// The other allocations that work on the same campaign at the same time, as the coordinator of this one sees them: each works
// only on tasks whose lease it holds. There are none where the store is a SQLite file. That a result counts once does not rest
// on this but on the store (results/store/store.h); this keeps two from doing the same work.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

struct PeerUpdate {
    std::vector<std::string> lost;  // leases of ours that expired before they were renewed
    std::vector<std::string> held;  // tasks that others work on
    std::vector<std::string> ended; // all tasks that have ended, whoever ended them
};

class PeerAllocations {
  public:
    virtual ~PeerAllocations() = default;
    virtual int number() const = 0; // of this allocation among them, from 1
    // Takes a task's lease. False when another holds it.
    virtual bool claim(const std::string& task) = 0;
    // Gives it back; does nothing when it is not ours any more. What ended must have been committed.
    virtual void release(const std::string& task) = 0;
    // Renews our leases and tells what the others did; nothing when it is too early to ask again.
    virtual std::optional<PeerUpdate> poll(double now_s) = 0;
};

} // namespace dagan::launcher
