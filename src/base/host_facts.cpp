#include "base/host_facts.h"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
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

// Returns the folders of this process's cgroup (version 2) and of its ancestors, innermost first;
// empty without cgroups.
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
    // The call fails if the machine has more cores than the mask has bits: grow the mask until it
    // fits.
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

} // namespace dagan
