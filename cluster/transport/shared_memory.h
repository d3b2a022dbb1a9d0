// Memory of two processes, an agent and its trainer: an anonymous file (memfd) whose descriptor the
// trainer inherits. Each process maps the full capacity once, so addresses stay valid when the
// memory grows, and growth by one side is visible to the other at once. It cannot shrink (the file
// is sealed), and all of its size is allocated. So a process that checks size_bytes() may access
// everything below, whatever the other process does.
//
//     SharedMemory memory = SharedMemory::create();             // in the agent
//     memory.grow(floats * sizeof(float));                      // in either process
//     std::ranges::fill(memory.floats(0, floats), 0.0F);
#pragma once

#include "base/descriptor.h"

#include <cstddef>
#include <span>

namespace dagan::cluster {

class SharedMemory {
  public:
    static constexpr size_t kDefaultCapacityBytes = size_t{8} << 30; // of address space
    static constexpr size_t kAlignment = 64;

    // Creates empty memory. Throws Blame::system.
    static SharedMemory create(size_t capacity_bytes = kDefaultCapacityBytes);
    // Maps memory that another process created; takes the descriptor. Throws Blame::system if there
    // is not enough address space.
    explicit SharedMemory(Descriptor memfd, size_t capacity_bytes = kDefaultCapacityBytes);
    ~SharedMemory();
    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory& operator=(SharedMemory&&) = delete;

    int fd() const { return memfd_.get(); }
    // Returns the current size, whichever side grew it.
    size_t size_bytes() const;
    // Grows to at least `size_bytes`; new bytes are 0. Throws Blame::system if that exceeds the
    // capacity or there is not enough memory.
    void grow(size_t size_bytes);
    std::byte* data() const { return data_; }

    // Returns the floats [offset, offset + count), counted from the start. Throws Blame::bug if
    // they exceed the current size.
    std::span<float> floats(size_t offset, size_t count) const;

  private:
    Descriptor memfd_;
    size_t capacity_bytes_ = 0;
    std::byte* data_ = nullptr;
};

} // namespace dagan::cluster
