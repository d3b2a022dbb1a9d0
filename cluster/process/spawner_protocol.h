// The messages between a Spawner and its process: one datagram each, on a SOCK_SEQPACKET pair.
// Private to spawner*.cpp.
#pragma once

#include "base/descriptor.h"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace dagan::cluster {

// The head of a request. In a `start` request the strings of argv and of the environment follow,
// each terminated by '\0', and the socket and memory descriptors are passed along.
struct SpawnerRequest {
    enum class Kind : int32_t { start, signal } kind{};
    int32_t id = 0;
    int32_t signal = 0;
    int32_t arguments = 0; // number of strings of argv; the others are the environment
};

struct SpawnerReply {
    enum class Kind : int32_t { started, exited } kind{};
    int32_t id = 0;
    pid_t pid = 0;
    int32_t wait_status = 0;
    int32_t start_error = 0;
};

// Runs the spawner's process. Returns its exit code after the other end of `socket` was closed and
// all children are dead.
int run_spawner(Descriptor socket) noexcept;

} // namespace dagan::cluster
