// A stand-in for NCCL on machines without a GPU, for tests alone: the functions of NcclApi over POSIX shared memory, so that
// members may be threads or processes. Like NCCL, it returns at once: a communicator starts, and a reduction runs, on another
// thread; a member that never comes leaves the others waiting until they abort; what goes wrong is told by state(). Unlike NCCL,
// it notices members that reduce different counts.
#pragma once

#include "gang/nccl_group.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace dagan::gang {

const NcclApi& nccl_double();

// Results of the double beside success and in progress; ncclResult_t's values.
inline constexpr int kNcclRemoteError = 6, kNcclInvalidUsage = 5;

// A stream whose work is done by a thread of its own, in order. Its handle is what the double's all_reduce_sum takes.
class StreamDouble final : public ComputeStream {
  public:
    enum class Runs {
        by_thread,
        at_once
    }; // at_once: by the caller, for work that other code does not queue
    explicit StreamDouble(Runs runs = Runs::by_thread);
    ~StreamDouble() override; // drops what has not begun
    StreamDouble(const StreamDouble&) = delete;
    StreamDouble& operator=(const StreamDouble&) = delete;

    void* handle() override { return this; }
    void divide(std::span<float> x, float by) override;
    bool idle() override;
    void enqueue(std::function<void()> work);

  private:
    void run(const std::stop_token& stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> queue_; // the first is under way
    Runs runs_;
    std::jthread thread_;
};

} // namespace dagan::gang
