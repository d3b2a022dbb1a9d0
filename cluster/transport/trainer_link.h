// Both ends of the one connection between an agent and its trainer. Two kinds of frames share it, told apart by their first byte:
// control messages (the launcher's text, opaque here) and reductions: the trainer asks for one part of the shared memory to be
// averaged, the agent answers each request exactly once. A trainer that waits for an answer keeps the control messages that
// arrive meanwhile.
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

// Part of the shared memory, in floats from its start.
struct ReduceRequest {
    uint64_t offset = 0;
    uint64_t count = 0;
    bool operator==(const ReduceRequest&) const = default;
};

enum class ReduceAnswer : char { done = 'd', broken = 'b' };

// The trainer's end. The trainer's Observer (control messages, heartbeats) and its Group (reductions) use the same one.
class TrainerLink {
  public:
    explicit TrainerLink(Channel channel) : channel_(std::move(channel)) {}

    void send(std::string_view control);
    // The next control message, in order, or nothing yet.
    std::optional<std::string> receive();
    // Waits for one, up to `timeout`; returns nothing at the timeout, when a signal handler ran, or when the agent is gone.
    std::optional<std::string> receive_within(std::chrono::milliseconds timeout);

    // Asks the agent and waits for its answer, however long the other members take: the agent knows that this trainer waits and
    // expects no heartbeat from it. Throws Blame::system when the agent is gone.
    ReduceAnswer reduce(ReduceRequest request);
    // The time spent so since the beginning: others' work, not this trainer's.
    std::chrono::nanoseconds time_reducing() const { return reducing_; }

    bool closed() const {
        return kept_.empty() && channel_.closed();
    } // the agent is gone, and all it said was received
    bool flush() { return channel_.flush(); }
    int fd() const { return channel_.fd(); }

  private:
    std::optional<std::string> take_kept();

    Channel channel_;
    std::chrono::nanoseconds reducing_{0};
    std::deque<std::string> kept_; // control messages that arrived while waiting for an answer
};

using FromTrainer =
    std::variant<std::string, ReduceRequest>; // a control message, or a request to answer

// The agent's end. Never blocks.
class AgentLink {
  public:
    explicit AgentLink(Channel channel) : channel_(std::move(channel)) {}

    void send(std::string_view control);
    void answer(ReduceAnswer answer);
    // The next message or nothing yet. Throws Blame::system when the trainer sends something that is neither.
    std::optional<FromTrainer> receive();

    bool closed() const {
        return channel_.closed();
    } // the trainer is gone, and all it said was received
    bool flush() { return channel_.flush(); }
    size_t unsent_bytes() const { return channel_.unsent_bytes(); }
    int fd() const { return channel_.fd(); }

  private:
    Channel channel_;
};

} // namespace dagan::cluster
