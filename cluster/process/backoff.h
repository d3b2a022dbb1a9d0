// How the agent's loop waits without burning a core: MPI cannot be waited for with poll(2), so the loop looks again after a pause
// that grows from nothing to `longest` while nothing happens, and ends early when one of its file descriptors is ready.
#pragma once

#include <chrono>
#include <span>

namespace dagan::cluster {

// A descriptor to wait for. Do not pass one whose peer has closed: it is always ready.
struct Watch {
    int fd = -1;
    bool until_writable = false; // also wait for room to write (something is unsent)
};

class Backoff {
  public:
    explicit Backoff(std::chrono::microseconds longest = std::chrono::milliseconds(1))
        : longest_(longest) {}

    // Something happened (a message, a step of a reduction): look again at once.
    void on_activity() { idle_turns_ = 0; }
    // Call once a turn. Returns true when a descriptor is ready, which also counts as activity.
    bool pause(std::span<const Watch> watches);
    // The pause the next call will make.
    std::chrono::microseconds next_pause() const;

  private:
    std::chrono::microseconds longest_;
    int idle_turns_ = 0;
};

} // namespace dagan::cluster
