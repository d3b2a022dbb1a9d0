#include "cluster/transport/memory_address.h"

#include "base/error.h"
#include "base/hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace dagan::cluster {

namespace {
// The elements of an address.
enum Element { kHost, kProcess, kDescriptor, kDevice, kInode };

// Identifies where a PID is valid: this boot of this host (host names may be equal) and this PID
// namespace. Returns 0 if that is unknown.
int64_t host_identity() {
    std::string boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    std::error_code error;
    const std::string pid_namespace =
        std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
    if (boot.empty() || pid_namespace.empty()) return 0;
    return static_cast<int64_t>(hash64(boot + pid_namespace));
}

// Identifies the file, to check that an address leads to the intended one.
std::pair<int64_t, int64_t> device_and_inode(int fd) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0)
        throw system_error("shared memory: cannot be identified: " + errno_text(errno));
    return {static_cast<int64_t>(facts.st_dev), static_cast<int64_t>(facts.st_ino)};
}
} // namespace

MemoryAddress address_of(const SharedMemory& memory) {
    const auto [device, inode] = device_and_inode(memory.fd());
    return {host_identity(), ::getpid(), memory.fd(), device, inode};
}

std::optional<SharedMemory> open_memory(const MemoryAddress& address) {
    if (address[kHost] == 0 || address[kHost] != host_identity()) return std::nullopt;
    const std::string path = "/proc/" + std::to_string(address[kProcess]) + "/fd/" +
                             std::to_string(address[kDescriptor]);
    Descriptor memfd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!memfd || device_and_inode(memfd.get()) != std::pair(address[kDevice], address[kInode]))
        return std::nullopt;
    try {
        return SharedMemory(std::move(memfd));
    } catch (const Error&) {
        return std::nullopt; // not enough address space: the caller uses messages instead
    }
}

} // namespace dagan::cluster
