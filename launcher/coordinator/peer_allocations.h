// Coordinates with other allocations (Slurm jobs) that share this campaign's store.
//
// A task may run only while this allocation holds its lease. Leases avoid duplicate work; they do
// not make results count once: the store's attempt token does (results/store/store.h).
// There is no PeerAllocations with a SQLite store, which has a single writer.
//
//     if (!peers.claim(task)) return Admission::on_peer;
//     // ... run the task, commit its end ...
//     peers.release(task);
//     if (const auto update = peers.poll(now_s)) apply(*update);
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

// Changes since the last poll; tasks are named by their keys.
struct PeerUpdate {
    // Tasks whose lease this allocation held until it expired.
    std::vector<std::string> lost;
    // All tasks whose lease a peer holds.
    std::vector<std::string> held;
    // All tasks that have ended, in this allocation or another.
    std::vector<std::string> ended;
};

// All functions throw Blame::system if the server is unreachable.
class PeerAllocations {
  public:
    virtual ~PeerAllocations() = default;
    // Returns the number of this allocation, from 1.
    virtual int number() const = 0;
    // Acquires the lease of `task`. Returns false if a peer holds it.
    virtual bool claim(const std::string& task) = 0;
    // Releases the lease; no-op if not held. Call it after the end of the attempt is committed.
    virtual void release(const std::string& task) = 0;
    // Renews this allocation's leases if that is due, and reports what happened to them and to the
    // peers' tasks; nullopt if the last poll was too recent. `now_s`: monotonic seconds.
    virtual std::optional<PeerUpdate> poll(double now_s) = 0;
};

} // namespace dagan::launcher
