// What a Spawner and its process say to each other: one datagram each on a SOCK_SEQPACKET pair. Private to spawner*.cpp.
#pragma once

#include "base/descriptor.h"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace dagan::cluster {

// A request: this head, for `start` followed by the strings of argv and environment, each ended by '\0', and by two descriptors.
struct SpawnerRequest {
    enum class Kind : int32_t { start, signal } kind{};
    int32_t id = 0;
    int32_t signal = 0;
    int32_t arguments = 0; // of argv; the other strings are the environment
};

struct SpawnerReply {
    enum class Kind : int32_t { started, exited } kind{};
    int32_t id = 0;
    pid_t pid = 0;
    int32_t wait_status = 0;
    int32_t start_error = 0;
};

// The life of the spawner's process. Returns its exit code when the other end is closed and all children are dead.
int run_spawner(Descriptor socket) noexcept;

} // namespace dagan::cluster
