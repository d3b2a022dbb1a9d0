// The two non-blocking collectives a gang's agents need. One operation at a time; every member starts the same operations in the
// same order. Over MPI: make_mpi_collectives (cluster/mpi/mpi_world.h). The fake, for state machine tests:
// tests/support/fake_collectives.h.
#pragma once

#include "cluster/transport/shared_memory.h"

#include <cstdint>
#include <span>

namespace dagan::cluster {

class GangCollectives {
  public:
    virtual ~GangCollectives() = default;
    virtual int size() const = 0;
    // Tells all members each one's `mine`: `all` becomes these in the order of positions. All give equally many. Both must stay
    // valid until done().
    virtual void start_gather(std::span<const int64_t> mine, std::span<int64_t> all) = 0;
    // Replaces in the memory of each member the `count` floats from `offsets[its position]` on by their mean over the members:
    // the sum in the order of positions, then divided by size(), so the bits do not depend on where the members run. `memory` is
    // this member's, the same in every call; others may map it. All pass the same offsets and count, and each part lies within
    // its memory. The offsets must stay valid until done().
    virtual void start_mean(const SharedMemory& memory, std::span<const uint64_t> offsets,
                            size_t count) = 0;
    // Moves the operation on, by a millisecond's work at most; true when it is complete, or none was started.
    virtual bool done() = 0;
    // Gives resources back. Every member calls it, after the last operation all of them completed. Without it they are
    // kept until the job ends: an agent that leaves a gang early must not wait for the others.
    virtual void release() = 0;
};

} // namespace dagan::cluster
