#include "cluster/transport/channel.h"

#include "base/error.h"
#include "base/fault.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace dagan::cluster {

namespace {
// A length in native byte order: both ends are on one machine.
constexpr size_t kHeaderBytes = sizeof(uint32_t);

// Removes the consumed front of a buffer once it is large enough to be worth a copy.
void compact(std::string& buffer, size_t& begin) {
    if (begin == buffer.size()) {
        buffer.clear();
        begin = 0;
    } else if (begin > buffer.size() / 2 && begin > (1U << 16)) {
        buffer.erase(0, begin);
        begin = 0;
    }
}

uint32_t frame_length(const std::string& in, size_t begin) {
    uint32_t length = 0;
    std::memcpy(&length, in.data() + begin, kHeaderBytes);
    return length;
}
} // namespace

Channel::Channel(Descriptor socket) : socket_(std::move(socket)) {
    const int flags = ::fcntl(socket_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
        throw system_error("channel: cannot make the socket non-blocking: " + errno_text(errno));
    }
}

void Channel::send(std::string_view frame) {
    require(frame.size() <= kMaxFrameBytes, "a frame is at most 1 GiB");
    if (peer_closed_) return;
    fault_point(FaultPoint::send);
    const auto length = static_cast<uint32_t>(frame.size());
    out_.append(reinterpret_cast<const char*>(&length), kHeaderBytes);
    out_.append(frame);
    flush();
}

bool Channel::flush() {
    while (out_begin_ < out_.size()) {
        const ssize_t sent =
            ::send(socket_.get(), out_.data() + out_begin_, out_.size() - out_begin_, MSG_NOSIGNAL);
        if (sent >= 0) {
            out_begin_ += static_cast<size_t>(sent);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            peer_closed_ = true;
            out_begin_ = out_.size();
        } else if (errno != EINTR) {
            throw system_error("channel: cannot send: " + errno_text(errno));
        }
    }
    compact(out_, out_begin_);
    return out_.empty();
}

bool Channel::frame_ready() const {
    const size_t have = in_.size() - in_begin_;
    return have >= kHeaderBytes && have - kHeaderBytes >= frame_length(in_, in_begin_);
}

void Channel::read_available() {
    std::array<char, 1 << 16> block;
    while (!eof_ && !frame_ready()) {
        const ssize_t got = ::recv(socket_.get(), block.data(), block.size(), 0);
        if (got > 0) {
            in_.append(block.data(), static_cast<size_t>(got));
            if (in_.size() - in_begin_ >= kHeaderBytes &&
                frame_length(in_, in_begin_) > kMaxFrameBytes) {
                throw system_error("channel: the peer sent an invalid frame length: " +
                                   std::to_string(frame_length(in_, in_begin_)) +
                                   " bytes; hint: install programs of one build together");
            }
        } else if (got == 0 || errno == ECONNRESET) {
            eof_ = true;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            throw system_error("channel: cannot receive: " + errno_text(errno));
        }
    }
}

std::optional<std::string> Channel::take_frame() {
    if (!frame_ready()) return std::nullopt;
    const size_t length = frame_length(in_, in_begin_);
    std::string frame = in_.substr(in_begin_ + kHeaderBytes, length);
    in_begin_ += kHeaderBytes + length;
    compact(in_, in_begin_);
    fault_point(FaultPoint::receive);
    return frame;
}

std::optional<std::string> Channel::receive() {
    read_available();
    return take_frame();
}

std::optional<std::string> Channel::receive_within(std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + timeout;
    for (;;) {
        flush();
        if (auto frame = receive()) return frame;
        if (closed()) return std::nullopt;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return std::nullopt;
        pollfd wait{socket_.get(),
                    static_cast<short>(unsent_bytes() > 0 ? POLLIN | POLLOUT : POLLIN), 0};
        if (::poll(&wait, 1, static_cast<int>(std::min<int64_t>(left.count(), 1 << 30))) < 0) {
            if (errno == EINTR) return std::nullopt;
            throw system_error("channel: cannot wait: " + errno_text(errno));
        }
    }
}

std::pair<Descriptor, Descriptor> make_socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw system_error("channel: cannot create a socket pair: " + errno_text(errno) +
                           "; hint: check the limit of open files (ulimit -n)");
    }
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::pair<Channel, Channel> make_channel_pair() {
    auto [one, other] = make_socket_pair();
    return {Channel(std::move(one)), Channel(std::move(other))};
}

} // namespace dagan::cluster
