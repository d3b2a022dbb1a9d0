// Whole messages (frames) between two processes of one machine, over a stream socket that never blocks: each frame is its length
// in 4 bytes, then its bytes. What the peer is too slow to take is kept here and goes out with flush(). Frames arrive whole,
// once, in order. A peer that is gone is not an error: closed() says so once everything it sent was received, and what is sent to
// it is dropped. One thread at a time.
#pragma once

#include "base/descriptor.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dagan::cluster {

class Channel {
  public:
    static constexpr size_t kMaxFrameBytes = size_t{1} << 30;

    // Takes a connected stream socket and makes it non-blocking.
    explicit Channel(Descriptor socket);

    // Queues one frame (at most kMaxFrameBytes) and writes what the socket takes. Never blocks. An empty frame is a frame.
    void send(std::string_view frame);
    // Writes more of what is queued; true when nothing is left. Call it when the socket is writable.
    bool flush();
    size_t unsent_bytes() const { return out_.size() - out_begin_; }

    // The next whole frame, or nothing yet. Throws Blame::system when the peer sends what is no frame.
    std::optional<std::string> receive();
    // The same, but waits up to `timeout` (for a process with this one peer); writes what is queued while it waits.
    // Returns nothing at the timeout, at once when closed(), and when a signal handler ran (so that a loop sees its flag).
    std::optional<std::string> receive_within(std::chrono::milliseconds timeout);

    // True when the peer has closed its end (or died) and every whole frame it had sent was received.
    bool closed() const { return ended_ && !frame_ready(); }
    int fd() const { return socket_.get(); } // for poll: readable when receive() may give more

  private:
    bool frame_ready() const;
    void read_available();
    std::optional<std::string> take_frame();

    Descriptor socket_;
    std::string in_, out_;
    size_t in_begin_ = 0, out_begin_ = 0; // bytes before are consumed
    bool ended_ = false;                  // nothing more will arrive
    bool peer_closed_ = false;            // the peer takes nothing more
};

// The two ends of a connection that nobody else holds; both close-on-exec. Throws Blame::system.
std::pair<Descriptor, Descriptor> make_socket_pair();
std::pair<Channel, Channel> make_channel_pair();

} // namespace dagan::cluster
