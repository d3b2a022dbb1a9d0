// Control messages between the agents of one MPI job. Never blocks. Messages from one sender to one
// receiver arrive once, whole, and in the order of sending. A rank may also send messages to
// itself. Not thread-safe. Over MPI: make_mpi_mailbox() (cluster/mpi/mpi_world.h). For tests:
// tests/support/fake_mailbox.h.
//
//     mailbox.send(0, encode(message));
//     while (const auto envelope = mailbox.receive()) handle(envelope->from, envelope->bytes);
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dagan::cluster {

struct Envelope {
    int from = 0; // rank
    std::string bytes;
    bool operator==(const Envelope&) const = default;
};

class Mailbox {
  public:
    virtual ~Mailbox() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    // Sends a copy of `bytes` (less than 2 GiB) to rank `to`. Throws Blame::system if MPI fails.
    virtual void send(int to, std::string_view bytes) = 0;
    // Returns the next message; nullopt if none has arrived. Also advances outgoing messages, so
    // call it repeatedly.
    virtual std::optional<Envelope> receive() = 0;
    // Returns the number of messages that are not yet sent. It decreases while both sides call
    // receive(), and must be 0 before MPI is finalised.
    virtual size_t unsent() = 0;
};

} // namespace dagan::cluster
