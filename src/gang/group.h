// A gang: the trainers, one per rank, that train one DAGAN together, data-parallel. Group is the
// one collective operation that the training loop uses: the mean over the members, in place.
// Implementations: a gang of one (below), members joined through their agents over MPI
// (cluster/gang/group_through_agent.h), and members on GPUs joined by NCCL (gang/nccl_group.h). All
// members make the same calls in the same order.
//
// A step of the training loop reduces more than the gradients. A few extra floats follow them in
// the same buffer, so they cost no further collective: the losses, of which all members want the
// mean, and votes. A member that wants the gang to stop, or to save, writes 1 into that vote's
// float, the others 0. The mean is above 0 on all members if any voted, so all act after the same
// step.
//
//     const std::span<float> x = group.allocate(gradients + 1);
//     x.back() = stop_requested() ? 1.0F : 0.0F;       // the vote
//     group.all_reduce_mean(x), group.wait();
//     if (x.back() > 0) return stop();                 // on all members, or on none
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>

namespace dagan::gang {

// A member died or was stopped, so no collective can complete. The others leave the training loop,
// and the coordinator restarts the gang from its last checkpoint.
class GangBroken : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Group {
  public:
    virtual ~Group() = default;
    // This member's position in the gang: 0 .. size() - 1.
    virtual int rank() const = 0;
    virtual int size() const = 0;
    // Returns memory that all_reduce_mean can work on: zeroed, aligned to 64 bytes, valid as long
    // as the group. May be called several times.
    virtual std::span<float> allocate(size_t count) = 0;
    // Replaces `x`, a part of allocated memory, by its mean over the members. All members pass
    // equal lengths and get the same bits. Throws GangBroken. On a GPU the operation is only queued
    // on the stream of the computation: work that is queued later sees the mean, the host sees it
    // after wait().
    virtual void all_reduce_mean(std::span<float> x) = 0;
    // Returns when all reductions so far are complete. Does nothing if reductions are not queued.
    // Collective. Throws GangBroken.
    virtual void wait() {}
};

// Memory of one device, from which a group allocates. Same contract as Group::allocate().
class GroupMemory {
  public:
    virtual ~GroupMemory() = default;
    virtual std::span<float> allocate(size_t count) = 0;
};
// Throws Blame::system from allocate() if there is not enough memory.
std::unique_ptr<GroupMemory> make_host_memory();

// A gang of one: reductions do nothing.
std::unique_ptr<Group> make_group_alone(std::unique_ptr<GroupMemory> memory = make_host_memory());

} // namespace dagan::gang
