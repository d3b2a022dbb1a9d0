// A trainer for tests: does one thing per control message and says what came of it. Speaks over the descriptors a Spawner passes.
#include "cluster/gang/group_through_agent.h"
#include "cluster/process/spawner.h"

#include "base/error.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dagan::cluster {
namespace {

// "0:/dev/null 1:pipe:[12] ...", of all that is open, without the descriptor that reads the list.
std::string open_files() {
    DIR* folder = ::opendir("/proc/self/fd");
    std::vector<int> fds;
    while (const dirent* entry = ::readdir(folder)) {
        if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != ::dirfd(folder))
            fds.push_back(std::atoi(entry->d_name));
    }
    ::closedir(folder);
    std::ranges::sort(fds);
    std::string list;
    for (const int fd : fds) {
        list += std::to_string(fd) + ":" +
                std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string() + " ";
    }
    return list;
}

// A line of /proc/self/status, e.g. "SigIgn:\t0000000000000000".
std::string status_line(const std::string& name) {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(name + ":")) return line;
    }
    return "";
}

// Members hold rank + 1 everywhere, so the mean is (size + 1) / 2.
std::string reduce(TrainerLink& link, SharedMemory& memory, int rank, int size, size_t count) {
    const auto group = make_group_through_agent(link, memory, rank, size);
    const auto x = group->allocate(count);
    std::ranges::fill(x, static_cast<float>(rank + 1));
    try {
        group->all_reduce_mean(x);
    } catch (const gang::GangBroken&) {
        return "broken";
    }
    const bool equal = std::ranges::all_of(x, [&](float value) { return value == x[0]; });
    std::ostringstream said;
    said << "mean " << (equal ? x[0] : -1);
    return said.str();
}

std::string obey(TrainerLink& link, SharedMemory& memory, const std::string& order) {
    std::istringstream words(order);
    std::string what;
    words >> what;
    if (what == "fds") return open_files();
    if (what == "signals") return status_line("SigIgn") + " " + status_line("SigBlk");
    if (what == "session") return std::to_string(::getsid(0)) + " " + std::to_string(::getpid());
    if (what == "reduce") {
        int rank = 0, size = 0;
        size_t count = 0;
        words >> rank >> size >> count;
        return reduce(link, memory, rank, size, count);
    }
    std::string argument;
    words >> argument;
    if (what == "environment") {
        const char* value = std::getenv(argument.c_str());
        return value == nullptr ? "(none)" : value;
    }
    if (what == "exit") std::exit(std::atoi(argument.c_str()));
    return "echo " + order;
}

int serve() {
    TrainerLink link{Channel(Descriptor(kTrainerSocketFd))};
    SharedMemory memory{Descriptor(kTrainerMemoryFd)};
    while (!link.closed()) {
        if (const auto order = link.receive_within(std::chrono::hours(1)))
            link.send(obey(link, memory, *order));
    }
    return 0;
}

} // namespace
} // namespace dagan::cluster

int main() { return dagan::cluster::serve(); }
