// The two non-blocking collective operations of a gang's agents: a gather of a few integers, and
// the mean of floats in shared memory. One operation at a time; all members start the same
// operations in the same order. Over MPI: make_mpi_collectives() (cluster/mpi/mpi_world.h). For
// tests of state machines: tests/support/fake_collectives.h.
//
//     collectives.start_gather(my_vote, all_votes);
//     while (!collectives.done()) do_other_work();
//     collectives.start_mean(memory, offsets, count);    // then done() again
//     collectives.release();                             // after the last operation
#pragma once

#include "cluster/transport/shared_memory.h"

#include <cstdint>
#include <span>

namespace dagan::cluster {

class GangCollectives {
  public:
    virtual ~GangCollectives() = default;
    virtual int size() const = 0;
    // Copies every member's `mine` into `all`, in the order of positions. All members pass equally
    // many integers. Both spans must stay valid until done() returns true.
    virtual void start_gather(std::span<const int64_t> mine, std::span<int64_t> all) = 0;
    // Replaces `count` floats of each member by their mean over the members: the sum in the order
    // of positions, divided by size(), so the bits do not depend on where the members run.
    // `memory`: this member's memory, the same object in every call; other members may map it.
    // `offsets`: by position, where the floats of each member start in its memory, in floats. All
    // members pass the same offsets and count, and each part lies within its memory. The offsets
    // must stay valid until done() returns true.
    virtual void start_mean(const SharedMemory& memory, std::span<const uint64_t> offsets,
                            size_t count) = 0;
    // Advances the operation by at most about a millisecond of work. Returns true if it is complete
    // or if none was started.
    virtual bool done() = 0;
    // Frees the resources. Collective: every member calls it after the last operation that all of
    // them completed. An agent that leaves a gang early must not wait for the others and does not
    // call it; the resources are then kept until the job ends.
    virtual void release() = 0;
};

} // namespace dagan::cluster
