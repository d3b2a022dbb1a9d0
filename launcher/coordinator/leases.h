// PeerAllocations by the lease table of the shared PostgreSQL store (results/store/task_leases.h).
// Renews the leases of this allocation after each third of their length. A lease is longer than the
// time within which a frozen MPI job is found and killed (cluster/process/liveness.h), so only an
// allocation that is dead or cut off loses its tasks to peers.
#pragma once

#include "launcher/coordinator/peer_allocations.h"
#include "results/store/task_leases.h"

#include <chrono>
#include <cstdint>
#include <unordered_map>

namespace dagan::launcher {

// Default length of a lease.
inline constexpr std::chrono::seconds kLease{60};

// Identifies one run of an allocation.
struct AllocationRun {
    int allocation = 1;
    // Rises with each MPI job of the allocation (launcher/campaign/incarnation.h).
    int64_t incarnation = 0;
};

class Leases final : public PeerAllocations {
  public:
    // Connects to the store at `location`, a server, in which the campaign's tasks must have been
    // entered, and releases the leases of earlier runs of this allocation, which must be over.
    // `lease`: length of a lease. Throws Blame::system if the server cannot be reached.
    Leases(const results::Location& location, const AllocationRun& run,
           std::chrono::milliseconds lease);

    int number() const override { return number_; }
    bool claim(const std::string& task) override;
    void release(const std::string& task) override;
    std::optional<PeerUpdate> poll(double now_s) override;

  private:
    std::vector<std::string> renew();

    int number_;
    results::TaskLeases leases_;
    double renew_every_s_;
    double read_every_s_; // grows with the time that reading the peers' tasks takes
    double renewed_s_ = -1, read_s_ = -1;
    std::unordered_map<std::string, int64_t> tokens_; // of the leases held, by task
};

} // namespace dagan::launcher
