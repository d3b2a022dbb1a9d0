#include "base/topology.h"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <vector>

namespace dagan {

namespace fs = std::filesystem;

namespace {
std::string first_line(const fs::path& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

// The folders of this process's cgroup (version 2) and of those around it; empty without cgroups.
std::vector<fs::path> cgroup_folders() {
    const fs::path root = "/sys/fs/cgroup";
    std::ifstream in("/proc/self/cgroup");
    std::vector<fs::path> folders;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("0::/")) continue;
        fs::path inside = line.substr(4);
        for (; !inside.empty(); inside = inside.parent_path()) folders.push_back(root / inside);
        folders.push_back(root);
    }
    return folders;
}

int affinity_cores() {
    const auto cores = static_cast<int>(allowed_cores().size());
    return cores > 0 ? cores : static_cast<int>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

// "200000 100000": microseconds of CPU time per period; "max 100000": no limit.
int quota_cores(const std::vector<fs::path>& folders, int cores) {
    for (const fs::path& folder : folders) {
        std::ifstream in(folder / "cpu.max");
        int64_t quota = 0, period = 0;
        if (in >> quota >> period && quota > 0 && period > 0) {
            cores = static_cast<int>(std::min<int64_t>(cores, (quota + period - 1) / period));
        }
    }
    return std::max(cores, 1);
}

int64_t memory_bytes(const std::vector<fs::path>& folders) {
    struct sysinfo facts {};
    int64_t bytes =
        ::sysinfo(&facts) == 0 ? static_cast<int64_t>(facts.totalram) * facts.mem_unit : 0;
    for (const fs::path& folder : folders) {
        std::ifstream in(folder / "memory.max");
        int64_t limit = 0;
        if (in >> limit && limit > 0 && (bytes == 0 || limit < bytes)) bytes = limit;
    }
    return bytes;
}
} // namespace

std::vector<int> allowed_cores() {
    // A mask of fixed size fails on machines with more cores than it has bits: grow it until it fits.
    for (int bits = 1024; bits <= 1 << 20; bits *= 2) {
        cpu_set_t* mask = CPU_ALLOC(static_cast<size_t>(bits));
        if (mask == nullptr) break;
        const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(bits));
        std::vector<int> cores;
        if (::sched_getaffinity(0, bytes, mask) == 0) {
            for (int core = 0; core < bits; ++core) {
                if (CPU_ISSET_S(static_cast<size_t>(core), bytes, mask)) cores.push_back(core);
            }
        }
        CPU_FREE(mask);
        if (!cores.empty()) return cores;
    }
    return {};
}

int available_cores() { return quota_cores(cgroup_folders(), affinity_cores()); }

HostFacts host_facts() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return {name.data(), first_line("/proc/sys/kernel/random/boot_id"), available_cores(),
            memory_bytes(cgroup_folders())};
}

int default_threads(int cores, int trainers) { return std::max(1, cores / std::max(1, trainers)); }

std::optional<std::string> crowding_problem(int trainers, int threads_per_trainer, int cores) {
    if (trainers * threads_per_trainer <= cores) return std::nullopt;
    const std::string share = std::to_string(default_threads(cores, trainers));
    const std::string hint =
        trainers > cores ? "start at most " + std::to_string(cores) + " trainers here"
                         : "set threads_per_trainer to " + share + ", or start fewer trainers";
    return std::to_string(trainers) + " trainers with " + std::to_string(threads_per_trainer) +
           " threads each share " + std::to_string(cores) +
           " cores: threads that wait for a core spin and slow all of them down; " + hint;
}

std::vector<int> on_few_nodes(const std::vector<int>& candidates, size_t count,
                              const std::function<int(int rank)>& node_of) {
    std::vector<std::vector<int>> nodes; // the candidates of each, in their order
    std::map<int, size_t> place_of;
    for (const int rank : candidates) {
        const auto [place, made] = place_of.emplace(node_of(rank), nodes.size());
        if (made) nodes.emplace_back();
        nodes[place->second].push_back(rank);
    }
    std::stable_sort(nodes.begin(), nodes.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
    // The last that is large enough, so that the larger ones stay whole for others.
    const auto too_small = std::find_if(nodes.begin(), nodes.end(),
                                        [&](const auto& node) { return node.size() < count; });
    if (too_small != nodes.begin()) nodes.erase(nodes.begin(), too_small - 1);
    std::vector<int> chosen;
    for (const auto& node : nodes) {
        for (const int rank : node) {
            if (chosen.size() < count) chosen.push_back(rank);
        }
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

} // namespace dagan
