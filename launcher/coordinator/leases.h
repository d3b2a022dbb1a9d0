// The leases of one allocation in the campaign's shared store, renewed from time to time. A lease outlives the moment in which a
// living job is found frozen and ended (cluster/process/liveness.h), so only what is dead or cut off loses its tasks to others.
#pragma once

#include "launcher/coordinator/peer_allocations.h"
#include "results/store/task_leases.h"

#include <chrono>
#include <cstdint>
#include <unordered_map>

namespace dagan::launcher {

inline constexpr std::chrono::seconds kLease{60};

// One run of an allocation: none other has both numbers.
struct AllocationRun {
    int allocation = 1;
    int64_t incarnation =
        0; // rises with each MPI job of the allocation (launcher/campaign/incarnation.h)
};

class Leases final : public PeerAllocations {
  public:
    // The campaign's tasks must have been entered in the store at `location`, a server's. What earlier runs of the allocation
    // held is given back: whoever makes this knows that they are over. Throws Blame::system when the server cannot be reached, as
    // all here do.
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
    double renew_every_s_, look_every_s_; // the latter grows with what a look costs
    double renewed_s_ = -1, looked_s_ = -1;
    std::unordered_map<std::string, int64_t> tokens_; // the leases that we hold
};

} // namespace dagan::launcher
