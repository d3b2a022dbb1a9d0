#include "cluster/transport/shared_memory.h"

#include "base/error.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace dagan::cluster {
namespace {

// Returns a second mapping, as the trainer makes of the inherited descriptor.
SharedMemory other_side(const SharedMemory& memory) {
    return SharedMemory(Descriptor(::dup(memory.fd())));
}

TEST(SharedMemoryTest, BothSidesSeeDataAndGrowth) {
    SharedMemory agent = SharedMemory::create();
    SharedMemory trainer = other_side(agent);
    EXPECT_EQ(agent.size_bytes(), 0U);
    trainer.grow(4096);
    EXPECT_EQ(agent.size_bytes(), 4096U);
    trainer.floats(0, 1024)[1023] = 42;
    EXPECT_EQ(agent.floats(1023, 1)[0], 42);
    agent.floats(1000, 1)[0] = 7;
    EXPECT_EQ(trainer.floats(0, 1024)[1000], 7);
}

TEST(SharedMemoryTest, GrowthKeepsAddressesAndNewMemoryIsZero) {
    SharedMemory memory = SharedMemory::create();
    memory.grow(100);
    const auto first = memory.floats(0, 25);
    first[24] = 3;
    memory.grow(64 << 20);
    EXPECT_EQ(memory.floats(0, 25).data(), first.data());
    EXPECT_EQ(first[24], 3);
    const auto rest = memory.floats(25, (16 << 20) - 25);
    EXPECT_TRUE(std::ranges::all_of(rest, [](float value) { return value == 0; }));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % SharedMemory::kAlignment, 0U);
}

TEST(SharedMemoryTest, NeverShrinks) {
    SharedMemory memory = SharedMemory::create();
    memory.grow(8192);
    memory.grow(10);
    EXPECT_EQ(memory.size_bytes(), 8192U);
    EXPECT_NE(::ftruncate(memory.fd(), 0), 0) << "the file is sealed";
}

TEST(SharedMemoryTest, PartsBeyondItsSizeAreRefused) {
    SharedMemory memory = SharedMemory::create();
    memory.grow(4096);
    EXPECT_NO_THROW(memory.floats(1024, 0));
    EXPECT_THROW(memory.floats(1024, 1), Error);
    EXPECT_THROW(memory.floats(SIZE_MAX, 2), Error); // the sum overflows
    EXPECT_THROW(memory.floats(2, SIZE_MAX), Error);
}

TEST(SharedMemoryTest, GrowthBeyondItsCapacityIsASystemError) {
    SharedMemory memory = SharedMemory::create(1 << 20);
    try {
        memory.grow(2 << 20);
        FAIL() << "grew beyond its capacity";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
    }
    EXPECT_EQ(memory.size_bytes(), 0U);
}

TEST(SharedMemoryTest, OutlivesTheProcessThatWroteIt) {
    SharedMemory memory = SharedMemory::create();
    const pid_t child = ::fork();
    if (child == 0) {
        SharedMemory mine = other_side(memory);
        mine.grow(1 << 20);
        std::ranges::fill(mine.floats(0, 1 << 18), 1.5F);
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    const auto seen = memory.floats(0, 1 << 18);
    EXPECT_TRUE(std::ranges::all_of(seen, [](float value) { return value == 1.5F; }));
}

} // namespace
} // namespace dagan::cluster
