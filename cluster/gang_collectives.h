// The two non-blocking collectives a gang's agents need. One operation at a time; every member starts the same operations in the
// same order. Over MPI: make_mpi_collectives (cluster/mpi_world.h). The fake, for state machine tests:
// tests/support/fake_collectives.h.
#pragma once

#include <cstdint>
#include <span>

namespace dagan {

class GangCollectives {
  public:
    virtual ~GangCollectives() = default;
    virtual int size() const = 0;
    // Replaces x by its elementwise maximum over the members. x must stay valid until done().
    virtual void start_max(std::span<int64_t> x) = 0;
    // Replaces x by its elementwise sum over the members, the same bits on all.
    virtual void start_sum(std::span<float> x) = 0;
    // Moves the operation on; true when it is complete, or none was started.
    virtual bool done() = 0;
    // Gives resources back. Every member calls it, after the last operation all of them completed. Without it they are
    // kept until the job ends: an agent that leaves a gang early must not wait for the others.
    virtual void release() = 0;
};

} // namespace dagan
