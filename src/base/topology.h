// What the machine under this process offers: host, cores it may use, memory. Facts are read when asked for; nothing is cached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dagan {

struct HostFacts {
    std::string name;         // host name
    std::string boot_id;      // differs between machines and between boots; "" when unknown
    int cores = 1;            // that this process may use, see available_cores()
    int64_t memory_bytes = 0; // of the machine, or of the cgroup when that is less; 0 when unknown
};
HostFacts host_facts();

// The numbers of the cores in this process's affinity mask, ascending; empty when the kernel does not say.
std::vector<int> allowed_cores();

// Cores in this process's affinity mask, or its CPU quota (cgroup v2, rounded up) when that is less. At least 1.
int available_cores();

// Threads of one trainer when nothing is asked for: its share of the cores, at least 1.
int default_threads(int cores, int trainers);

// Why so many trainers with so many threads do not fit on the cores they share (OpenMP threads that wait for a core spin:
// measured 10 times slower), with the fix; nothing when they fit.
std::optional<std::string> crowding_problem(int trainers, int threads_per_trainer, int cores);

// Of `candidates` (ranks, best first, at least `count`), the `count` that lie on as few nodes as possible, as members of a gang
// should: on the node that just has room for all of them, else on those with the most room. Ascending.
std::vector<int> on_few_nodes(const std::vector<int>& candidates, size_t count,
                              const std::function<int(int rank)>& node_of);

} // namespace dagan
