#include "cluster/process/backoff.h"

#include "base/error.h"

#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace dagan::cluster {

namespace {
constexpr int kTurnsWithoutPause = 16; // a peer on this machine usually replies within these
constexpr std::chrono::microseconds kFirstPause{10};
} // namespace

std::chrono::microseconds Backoff::next_pause() const {
    if (idle_turns_ < kTurnsWithoutPause) return std::chrono::microseconds::zero();
    const int doublings = std::min(idle_turns_ - kTurnsWithoutPause, 20);
    return std::min(max_pause_, kFirstPause * (1 << doublings));
}

bool Backoff::pause(std::span<const Watch> watches) {
    std::vector<pollfd> waiting;
    waiting.reserve(watches.size());
    for (const Watch& watch : watches) {
        waiting.push_back(
            {watch.fd, static_cast<short>(watch.until_writable ? POLLIN | POLLOUT : POLLIN), 0});
    }
    const auto pause = next_pause();
    // Without a pause, lets a process run that shares this core: it may be the awaited one.
    if (pause == pause.zero()) ::sched_yield();
    const timespec timeout{pause.count() / 1000000, pause.count() % 1000000 * 1000};
    const int ready = ::ppoll(waiting.data(), waiting.size(), &timeout, nullptr);
    if (ready < 0 && errno != EINTR) throw system_error("agent: cannot wait: " + errno_text(errno));
    idle_turns_ = ready == 0 ? std::min(idle_turns_ + 1, 1 << 20) : 0;
    return ready > 0;
}

} // namespace dagan::cluster
