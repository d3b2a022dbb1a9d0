// A trainer for tests: executes one command per control message and replies with its result, over
// the descriptors that a Spawner passes.
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

// Returns the open descriptors, "0:/dev/null 1:pipe:[12] ...", without the one that reads the list.
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

// Returns a line of /proc/self/status, e.g. "SigIgn:\t0000000000000000".
std::string status_line(const std::string& name) {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(name + ":")) return line;
    }
    return "";
}

// Reduces floats that are all rank + 1 and returns their mean, (size + 1) / 2; -1 if they differ.
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
    std::ostringstream reply;
    reply << "mean " << (equal ? x[0] : -1);
    return reply.str();
}

std::string execute(TrainerLink& link, SharedMemory& memory, const std::string& command) {
    std::istringstream words(command);
    std::string name;
    words >> name;
    if (name == "fds") return open_files();
    if (name == "signals") return status_line("SigIgn") + " " + status_line("SigBlk");
    if (name == "session") return std::to_string(::getsid(0)) + " " + std::to_string(::getpid());
    if (name == "reduce") {
        int rank = 0, size = 0;
        size_t count = 0;
        words >> rank >> size >> count;
        return reduce(link, memory, rank, size, count);
    }
    std::string argument;
    words >> argument;
    if (name == "environment") {
        const char* value = std::getenv(argument.c_str());
        return value == nullptr ? "(none)" : value;
    }
    if (name == "exit") std::exit(std::atoi(argument.c_str()));
    return "echo " + command;
}

int serve() {
    TrainerLink link{Channel(Descriptor(kTrainerSocketFd))};
    SharedMemory memory{Descriptor(kTrainerMemoryFd)};
    while (!link.closed()) {
        if (const auto command = link.receive_within(std::chrono::hours(1)))
            link.send(execute(link, memory, *command));
    }
    return 0;
}

} // namespace
} // namespace dagan::cluster

int main() { return dagan::cluster::serve(); }
