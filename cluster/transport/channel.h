// Frames (whole messages) between two processes of one machine, over a non-blocking stream socket.
// A frame is its length in 4 bytes, then its bytes. Frames arrive whole, once, and in order.
// Bytes that the socket does not take are queued and written by flush(). A peer that has closed
// its end, or died, is not an error: closed() returns true once everything it sent was received,
// and frames sent to it are dropped. Not thread-safe.
//
//     channel.send("hello");
//     while (auto frame = channel.receive()) handle(*frame);
//     if (channel.closed()) return;                       // the peer is gone
//     if (channel.unsent_bytes() > 0) ...                 // poll fd() for POLLOUT, then flush()
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

    // Takes a connected stream socket and makes it non-blocking. Throws Blame::system.
    explicit Channel(Descriptor socket);

    // Queues one frame, which may be empty, and writes what the socket takes. Never blocks. Throws
    // Blame::bug if the frame exceeds kMaxFrameBytes, Blame::system if the socket fails.
    void send(std::string_view frame);
    // Writes queued bytes; returns true if none remain. Call it when the socket is writable.
    bool flush();
    size_t unsent_bytes() const { return out_.size() - out_begin_; }

    // Returns the next frame; nullopt if none has arrived completely. Throws Blame::system if the
    // peer sends an invalid length.
    std::optional<std::string> receive();
    // Same, but waits up to `timeout` and writes queued bytes meanwhile, for a process with a
    // single peer. Returns nullopt at the timeout, at once if closed(), and when a signal handler
    // has run, so that the caller's loop can check its flags.
    std::optional<std::string> receive_within(std::chrono::milliseconds timeout);

    // Returns true if the peer has closed its end or died, and every frame it sent was received.
    bool closed() const { return eof_ && !frame_ready(); }
    // For poll(2): readable if receive() may return a frame.
    int fd() const { return socket_.get(); }

  private:
    bool frame_ready() const;
    void read_available();
    std::optional<std::string> take_frame();

    Descriptor socket_;
    std::string in_, out_;
    size_t in_begin_ = 0, out_begin_ = 0; // bytes before these are consumed
    bool eof_ = false;                    // no more bytes will arrive
    bool peer_closed_ = false;            // the peer takes no more bytes
};

// Return the two ends of a new connection; both are close-on-exec. Throw Blame::system.
std::pair<Descriptor, Descriptor> make_socket_pair();
std::pair<Channel, Channel> make_channel_pair();

} // namespace dagan::cluster
