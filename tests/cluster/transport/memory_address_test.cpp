#include "cluster/transport/memory_address.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace dagan::cluster {
namespace {

TEST(MemoryAddressTest, OtherProcessSeesTheSameBytesAndTheirGrowth) {
    SharedMemory memory = SharedMemory::create();
    memory.grow(64);
    const MemoryAddress address = address_of(memory);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto seen = open_memory(address);
        if (!seen) ::_exit(1);
        memory.grow(1 << 20);
        memory.floats(1000, 1)[0] = 5;
        ::_exit(seen->floats(1000, 1)[0] == 5 ? 0 : 2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(memory.floats(1000, 1)[0], 5);
}

TEST(MemoryAddressTest, MappingOutlivesTheOneItWasMadeFrom) {
    auto memory = std::make_optional(SharedMemory::create());
    memory->grow(64);
    memory->floats(3, 1)[0] = 7;
    const auto seen = open_memory(address_of(*memory));
    memory.reset();
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->floats(3, 1)[0], 7);
}

TEST(MemoryAddressTest, WhatLeadsElsewhereIsNotMapped) {
    const SharedMemory memory = SharedMemory::create(), other = SharedMemory::create();
    ASSERT_TRUE(open_memory(address_of(memory)));
    for (size_t word = 0; word < MemoryAddress{}.size(); ++word) {
        MemoryAddress wrong = address_of(memory);
        wrong[word] += word == 2 ? other.fd() - memory.fd()
                                 : 1; // another memory's descriptor, else the next number
        EXPECT_FALSE(open_memory(wrong)) << "word " << word;
    }
}

TEST(MemoryAddressTest, WithoutAHostNothingIsMapped) { EXPECT_FALSE(open_memory(MemoryAddress{})); }

} // namespace
} // namespace dagan::cluster
