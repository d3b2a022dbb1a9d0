// Both ends of the one connection between an agent and its trainer. It carries two kinds of frames,
// distinguished by their first byte: control messages (text of the launcher, opaque here) and
// reductions. For a reduction the trainer asks that one part of the shared memory be averaged, and
// the agent answers each request exactly once. Control messages that arrive while the trainer
// waits for an answer are kept for receive().
//
//     trainer side                             agent side
//     link.reduce({offset, count});            auto message = link.receive();
//                                              ... on a ReduceRequest: average the floats, then
//                                              link.answer(ReduceAnswer::done);
#pragma once

#include "cluster/transport/channel.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace dagan::cluster {

// A part of the shared memory, in floats from its start.
struct ReduceRequest {
    uint64_t offset = 0;
    uint64_t count = 0;
    bool operator==(const ReduceRequest&) const = default;
};

// done: the part holds the mean. broken: the gang is broken.
enum class ReduceAnswer : char { done = 'd', broken = 'b' };

// The trainer's end, shared by its Observer (control messages, heartbeats) and its Group
// (reductions).
class TrainerLink {
  public:
    explicit TrainerLink(Channel channel) : channel_(std::move(channel)) {}

    void send(std::string_view control);
    // Returns the next control message, in order; nullopt if none has arrived.
    std::optional<std::string> receive();
    // Same, but waits up to `timeout`. Returns nullopt at the timeout, when a signal handler has
    // run, or when the agent is gone.
    std::optional<std::string> receive_within(std::chrono::milliseconds timeout);

    // Sends the request and waits for its answer, without a time limit: the agent knows that this
    // trainer waits and expects no heartbeat. Throws Blame::system if the agent is gone.
    ReduceAnswer reduce(ReduceRequest request);
    // Returns the total time spent in reduce(), which is mostly waiting for other members.
    std::chrono::nanoseconds time_reducing() const { return time_reducing_; }

    // Returns true if the agent is gone and everything it sent was received.
    bool closed() const { return kept_.empty() && channel_.closed(); }
    bool flush() { return channel_.flush(); }
    int fd() const { return channel_.fd(); }

  private:
    std::optional<std::string> take_kept();

    Channel channel_;
    std::chrono::nanoseconds time_reducing_{0};
    std::deque<std::string> kept_; // control messages that arrived during reduce()
};

// A control message, or a request that must be answered.
using FromTrainer = std::variant<std::string, ReduceRequest>;

// The agent's end. Never blocks.
class AgentLink {
  public:
    explicit AgentLink(Channel channel) : channel_(std::move(channel)) {}

    void send(std::string_view control);
    void answer(ReduceAnswer answer);
    // Returns the next message; nullopt if none has arrived. Throws Blame::system if the trainer
    // sends a frame of an unknown kind.
    std::optional<FromTrainer> receive();

    // Returns true if the trainer is gone and everything it sent was received.
    bool closed() const { return channel_.closed(); }
    bool flush() { return channel_.flush(); }
    size_t unsent_bytes() const { return channel_.unsent_bytes(); }
    int fd() const { return channel_.fd(); }

  private:
    Channel channel_;
};

} // namespace dagan::cluster
