// Memory of two processes, an agent and its trainer, in an anonymous file (memfd) whose descriptor the trainer inherits. Both map
// its whole capacity once, so addresses stay valid when it grows and a growth by one side is seen by the other at once. It never
// shrinks (sealed), and what it has grown to is really there, so a side that checks size_bytes() may touch what lies below,
// whatever the other does.
#pragma once

#include "base/descriptor.h"

#include <cstddef>
#include <span>

namespace dagan::cluster {

class SharedMemory {
  public:
    static constexpr size_t kDefaultCapacityBytes = size_t{8} << 30; // of address space
    static constexpr size_t kAlignment = 64;

    // New and empty. Throws Blame::system.
    static SharedMemory create(size_t capacity_bytes = kDefaultCapacityBytes);
    // Maps memory made by another process with create(); takes the descriptor.
    explicit SharedMemory(Descriptor memfd, size_t capacity_bytes = kDefaultCapacityBytes);
    ~SharedMemory();
    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory& operator=(SharedMemory&&) = delete;

    int fd() const { return memfd_.get(); }
    size_t size_bytes() const; // how far it has grown, on either side
    void grow(
        size_t
            size_bytes); // to at least this; new bytes are 0. Throws Blame::system when memory or capacity is not there
    std::byte* data() const { return data_; }

    // The floats [offset, offset + count) counted from the start. Throws Blame::bug when they lie beyond what it has grown to.
    std::span<float> floats(size_t offset, size_t count) const;

  private:
    Descriptor memfd_;
    size_t capacity_bytes_ = 0;
    std::byte* data_ = nullptr;
};

} // namespace dagan::cluster
