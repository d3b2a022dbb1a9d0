// How a process finds a SharedMemory that another one of its host holds: through that one's descriptor, /proc/PID/fd/N. No name
// in any file system, nothing to clean up.
#pragma once

#include "cluster/transport/shared_memory.h"

#include <array>
#include <cstdint>
#include <optional>

namespace dagan::cluster {

// Words to send; only open_memory() knows what they mean.
using MemoryAddress = std::array<int64_t, 5>;

// Of memory that this process holds: good for as long as it does.
MemoryAddress address_of(const SharedMemory& memory);

// Maps it. Nothing when it cannot be seen from here: on another host, among other process numbers (containers), of another user,
// or this process has no room for it.
std::optional<SharedMemory> open_memory(const MemoryAddress& address);

} // namespace dagan::cluster
