// Facts about the machine under this process: host name, usable cores, memory. Read from the kernel
// at each call; nothing is cached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dagan {

struct HostFacts {
    // The host name.
    std::string name;
    // Differs between machines and between boots of one; "" if unknown.
    std::string boot_id;
    // The number of cores that this process may use, see available_cores().
    int cores = 1;
    // Of the machine, or the limit of the cgroup if that is less; 0 if unknown.
    int64_t memory_bytes = 0;
};
HostFacts host_facts();

// Returns the numbers of the cores in this process's affinity mask, ascending; empty if the kernel
// does not report them.
std::vector<int> allowed_cores();

// Returns how many cores this process may use: those in its affinity mask, or its CPU quota
// (cgroup v2, rounded up) if that is less. At least 1.
int available_cores();

} // namespace dagan
