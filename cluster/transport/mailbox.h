// Control messages between the agents of one MPI job. Never blocks; messages of one sender to one receiver arrive once, whole, in
// the order of sending; a message to oneself is received like any other. One thread at a time. The fake is
// tests/support/fake_mailbox.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dagan::cluster {

struct Envelope {
    int from = 0;
    std::string bytes;
    bool operator==(const Envelope&) const = default;
};

class Mailbox {
  public:
    virtual ~Mailbox() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    // Copies `bytes` (below 2 GiB). Throws Blame::system when MPI fails.
    virtual void send(int to, std::string_view bytes) = 0;
    // The next message that has arrived, or nothing. Also moves outgoing messages on, so call it again and again.
    virtual std::optional<Envelope> receive() = 0;
    // Messages that have not left yet. 0 before MPI may be finalised; receive() on both sides makes it fall.
    virtual size_t unsent() = 0;
};

} // namespace dagan::cluster
