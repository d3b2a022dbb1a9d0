// The trainers that train one DAGAN together. One trainer alone, trainers joined through their agents over MPI (CPU), and NCCL
// (GPU) look the same to the training loop. Every member must make the same calls in the same order.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>

namespace dagan::gang {

// A member died or was stopped: the others leave the training loop; the gang starts again from its checkpoint.
class GangBroken : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Group {
  public:
    virtual ~Group() = default;
    virtual int rank() const = 0; // 0 .. size()-1, the position in the gang
    virtual int size() const = 0;
    // Memory that all_reduce_mean can work on, zeroed, 64-byte aligned, valid for the group's life. May be called more than once.
    virtual std::span<float> allocate(size_t count) = 0;
    // Replaces x, a part of allocated memory of equal length on every member, by its mean over the members; the same bits on all.
    // Collective. Throws GangBroken.
    // On a GPU it is only queued, behind what was queued before on the stream of the computation: what is queued later sees the
    // mean, the host does after wait().
    virtual void all_reduce_mean(std::span<float> x) = 0;
    // Returns when the reductions so far are complete. Collective where they are queued. Throws GangBroken.
    virtual void wait() {}
};

// Memory of one device, for a group's allocate(): zeroed, 64-byte aligned, valid for this object's life.
class GroupMemory {
  public:
    virtual ~GroupMemory() = default;
    virtual std::span<float> allocate(size_t count) = 0;
};
std::unique_ptr<GroupMemory> make_host_memory();

// A group of one: reductions do nothing.
std::unique_ptr<Group> make_group_alone(std::unique_ptr<GroupMemory> memory = make_host_memory());

} // namespace dagan::gang
