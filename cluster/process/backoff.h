// Waiting in the agent's loop without using a core. MPI has no file descriptor to wait for, so the
// loop polls it and pauses between turns. The pause is 0 at first, then doubles up to `max_pause`
// as long as nothing happens; it ends early if a watched descriptor is ready.
//
//     Backoff backoff;
//     while (!over()) {
//         if (handle_messages()) backoff.on_activity();
//         backoff.pause(watches);
//     }
#pragma once

#include <chrono>
#include <span>

namespace dagan::cluster {

// A descriptor to wait for. Do not pass one whose peer has closed: it is always ready.
struct Watch {
    int fd = -1;
    bool until_writable = false; // also ready if there is room to write
};

class Backoff {
  public:
    explicit Backoff(std::chrono::microseconds max_pause = std::chrono::milliseconds(1))
        : max_pause_(max_pause) {}

    // Something happened (a message, a step of a reduction): the next pause is 0.
    void on_activity() { idle_turns_ = 0; }
    // Pauses; call it once per turn. Returns true if a descriptor is ready, which also counts as
    // activity. Throws Blame::system if waiting fails.
    bool pause(std::span<const Watch> watches);
    // Returns the length of the next pause.
    std::chrono::microseconds next_pause() const;

  private:
    std::chrono::microseconds max_pause_;
    int idle_turns_ = 0;
};

} // namespace dagan::cluster
