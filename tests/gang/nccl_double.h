// A test double of NCCL for machines without a GPU: the functions of NcclApi over POSIX shared
// memory, so that members may be threads or processes. Like NCCL, it returns at once: a
// communicator starts, and a reduction runs, on another thread. If a member never arrives, the
// others wait until they abort. Errors are reported by state(). Unlike NCCL, it detects members
// that reduce different counts.
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

// Error results of the double, with the values of ncclResult_t.
inline constexpr int kNcclRemoteError = 6, kNcclInvalidUsage = 5;

// A stream that executes its work in order in a thread of its own. Its handle is the `stream` of
// the double's all_reduce_sum.
class StreamDouble final : public ComputeStream {
  public:
    // at_once: in the calling thread, for tests in which other work is not queued.
    enum class Runs { by_thread, at_once };
    explicit StreamDouble(Runs runs = Runs::by_thread);
    // Drops work that has not begun.
    ~StreamDouble() override;
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
    std::deque<std::function<void()>> queue_; // the first one is being executed
    Runs runs_;
    std::jthread thread_;
};

} // namespace dagan::gang
