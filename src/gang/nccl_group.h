// The Group of trainers on GPUs: NCCL joins them, on the stream on which they compute.
// NcclGroup is written against a table of functions and a stream interface, so it is built and
// tested without CUDA headers: libdagan_cuda.so fills the table from NCCL (src/cuda), the tests
// from a double in shared memory (tests/gang/nccl_double.h).
// A failed communicator is aborted, never repaired; the trainer process ends after the task.
#pragma once

#include "gang/group.h"

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace dagan::gang {

// The functions of NCCL that are used, with non-blocking communicators, so that a wait can be
// supervised. All but `describe` and `last_error` return an ncclResult_t.
struct NcclApi {
    static constexpr int kSuccess = 0, kInProgress = 7;
    struct Id {
        std::array<char, 128> bytes{};
    };
    using Communicator = void*;

    int (*make_id)(Id* id) = nullptr;
    // Creates a communicator. Returns at once; `state` tells when it is ready.
    int (*init)(Communicator* made, int size, const Id* id, int rank) = nullptr;
    // Queues a sum over the members, in place, on `stream`.
    int (*all_reduce_sum)(float* x, size_t count, Communicator communicator,
                          void* stream) = nullptr;
    // Sets `result` to the state of the last operation: kInProgress, or how it ended.
    int (*state)(Communicator communicator, int* result) = nullptr;
    // Ends the operations in progress and frees the communicator.
    int (*abort)(Communicator communicator) = nullptr;
    const char* (*describe)(int result) = nullptr;
    // Returns details of the last error; "" if there are none.
    const char* (*last_error)(Communicator communicator) = nullptr;
};

// The stream on which a trainer's GPU executes all its work, in order.
class ComputeStream {
  public:
    virtual ~ComputeStream() = default;
    virtual void* handle() = 0;
    // Queues the division of each element of `x` by `by`.
    virtual void divide(std::span<float> x, float by) = 0;
    // Returns whether all queued work is complete. Never waits. Throws Blame::system if the device
    // failed.
    virtual bool idle() = 0;
};

struct NcclGroupOptions {
    // Limit of the start and of each wait(). NCCL does not notice otherwise that a member is gone.
    std::chrono::milliseconds timeout{150'000};
    // Called many times a second during a wait; may throw.
    std::function<void()> while_waiting = [] {};
};

// Creates the group. Collective.
// `memory`: the GPU's memory. `agents`: the members' group through their agents; it carries NCCL's
// id and the members' names, nobody else may use it until this call returns, and it may be used
// for other reductions afterwards. `gpu`: UUID of this member's GPU. `api` and `stream` must
// outlive the group.
// Throws Blame::input, with the names of both, if two members are on one GPU; Blame::system if
// NCCL's unique id cannot be made; GangBroken if a member is gone or NCCL fails or times out.
std::unique_ptr<Group> make_nccl_group(const NcclApi& api, ComputeStream& stream,
                                       std::unique_ptr<GroupMemory> memory, Group& agents,
                                       const std::string& gpu, NcclGroupOptions options = {});

} // namespace dagan::gang
