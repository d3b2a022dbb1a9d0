#include "cluster/transport/shared_memory.h"

#include "base/error.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace dagan::cluster {

SharedMemory SharedMemory::create(size_t capacity_bytes) {
    Descriptor memfd(::memfd_create("dagan-gradients", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memfd) throw system_error("shared memory: cannot be created: " + errno_text(errno));
    if (::fcntl(memfd.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
        throw system_error("shared memory: cannot be sealed: " + errno_text(errno));
    }
    return SharedMemory(std::move(memfd), capacity_bytes);
}

SharedMemory::SharedMemory(Descriptor memfd, size_t capacity_bytes)
    : memfd_(std::move(memfd)), capacity_bytes_(capacity_bytes) {
    // A mapping may exceed the file; its pages become usable as the file grows.
    void* address = ::mmap(nullptr, capacity_bytes_, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_NORESERVE, memfd_.get(), 0);
    if (address == MAP_FAILED) {
        throw system_error("shared memory: " + std::to_string(capacity_bytes_ >> 20) +
                           " MiB of address space: " + errno_text(errno) +
                           "; hint: check the limit of address space (ulimit -v)");
    }
    data_ = static_cast<std::byte*>(address);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : memfd_(std::move(other.memfd_)), capacity_bytes_(other.capacity_bytes_),
      data_(std::exchange(other.data_, nullptr)) {}

SharedMemory::~SharedMemory() {
    if (data_ != nullptr) ::munmap(data_, capacity_bytes_);
}

size_t SharedMemory::size_bytes() const {
    struct stat facts {};
    if (::fstat(memfd_.get(), &facts) != 0)
        throw system_error("shared memory: its size cannot be read: " + errno_text(errno));
    return static_cast<size_t>(facts.st_size);
}

void SharedMemory::grow(size_t size_bytes) {
    const size_t old_bytes = this->size_bytes();
    if (size_bytes <= old_bytes) return;
    const std::string what = "shared memory: " + std::to_string(size_bytes >> 20) + " MiB: ";
    if (size_bytes > capacity_bytes_) {
        throw system_error(what + "exceeds the capacity of " +
                           std::to_string(capacity_bytes_ >> 20) + " MiB");
    }
    // fallocate, not ftruncate: a lack of memory is an error here, not a SIGBUS at a later access.
    int failed = 0;
    do {
        failed = ::fallocate(memfd_.get(), 0, static_cast<off_t>(old_bytes),
                             static_cast<off_t>(size_bytes - old_bytes));
    } while (failed != 0 && errno == EINTR);
    if (failed != 0) throw system_error(what + errno_text(errno));
}

std::span<float> SharedMemory::floats(size_t offset, size_t count) const {
    const size_t available = size_bytes() / sizeof(float);
    require(offset <= available && count <= available - offset,
            "a part of the shared memory is within its size");
    return {reinterpret_cast<float*>(data_) + offset, count};
}

} // namespace dagan::cluster
