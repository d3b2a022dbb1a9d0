// The Group of trainers on GPUs: NCCL between them, on the stream they compute on. It is written against a table of functions and
// a stream interface, so no CUDA header is needed to build or test it: libdagan_cuda.so fills the table from NCCL (src/cuda), the
// tests from a double over shared memory. The process is the unit of abort: a communicator that failed is aborted, never
// repaired.
#pragma once

#include "gang/group.h"

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace dagan::gang {

// NCCL as this program uses it: with communicators that do not block, so that waiting can be watched. Results are ncclResult_t.
struct NcclApi {
    static constexpr int kSuccess = 0, kInProgress = 7;
    struct Id {
        std::array<char, 128> bytes{};
    };
    using Communicator = void*;

    int (*make_id)(Id* id) = nullptr;
    int (*init)(Communicator* made, int size, const Id* id,
                int rank) = nullptr; // returns at once; see state
    int (*all_reduce_sum)(float* x, size_t count, Communicator communicator,
                          void* stream) = nullptr; // in place, queued
    int (*state)(Communicator communicator, int* result) =
        nullptr; // of all that was asked of it: kInProgress, or how it ended
    int (*abort)(Communicator communicator) = nullptr; // ends what is under way, and frees
    const char* (*describe)(int result) = nullptr;
    const char* (*last_error)(Communicator communicator) =
        nullptr; // details; "" when there are none
};

// The one stream on which a trainer's GPU does everything, in order.
class ComputeStream {
  public:
    virtual ~ComputeStream() = default;
    virtual void* handle() = 0;
    virtual void divide(std::span<float> x, float by) = 0; // queued
    // All that was queued is done. Never waits. Throws Blame::system when the device failed.
    virtual bool idle() = 0;
};

struct NcclGroupOptions {
    std::chrono::milliseconds timeout{
        150'000}; // for the start and for each wait(); a member that is gone is not noticed otherwise
    std::function<void()> while_waiting = [] {
    }; // called again and again, many times a second; may throw
};

// `agents` carries NCCL's id and the members' names to all of them, and must be unused by others until this returns; it may be
// used for other reductions afterwards. `gpu` names this member's GPU, by UUID: two members on one are refused, both named
// (Blame::input). `memory` is the GPU's. Collective. `api` and `stream` must outlive the group. Throws Blame::system when NCCL
// fails or the time is over, GangBroken when a member is gone.
std::unique_ptr<Group> make_nccl_group(const NcclApi& api, ComputeStream& stream,
                                       std::unique_ptr<GroupMemory> memory, Group& agents,
                                       const std::string& gpu, NcclGroupOptions options = {});

} // namespace dagan::gang
