// The address by which a process finds the SharedMemory of another process of its host: the other's
// open descriptor, /proc/PID/fd/N. The memory has no name in a file system, so nothing must be
// cleaned up.
#pragma once

#include "cluster/transport/shared_memory.h"

#include <array>
#include <cstdint>
#include <optional>

namespace dagan::cluster {

// Integers to send to the other process; only open_memory() interprets them.
using MemoryAddress = std::array<int64_t, 5>;

// Returns the address of memory of this process. It is valid as long as this process holds
// `memory`. Throws Blame::system if the memory cannot be identified.
MemoryAddress address_of(const SharedMemory& memory);

// Maps the memory at `address`. Returns nullopt if this process cannot access it: it is on another
// host, in another PID namespace (a container), of another user, no longer open, or there is not
// enough address space.
std::optional<SharedMemory> open_memory(const MemoryAddress& address);

} // namespace dagan::cluster
