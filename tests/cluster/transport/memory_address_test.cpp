#include "cluster/transport/memory_address.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace dagan::cluster {
namespace {

TEST(MemoryAddressTest, AnotherProcessSeesTheMemoryAndItsGrowth) {
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

TEST(MemoryAddressTest, AMappingOutlivesTheOriginal) {
    auto memory = std::make_optional(SharedMemory::create());
    memory->grow(64);
    memory->floats(3, 1)[0] = 7;
    const auto seen = open_memory(address_of(*memory));
    memory.reset();
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->floats(3, 1)[0], 7);
}

TEST(MemoryAddressTest, AWrongAddressIsNotMapped) {
    const SharedMemory memory = SharedMemory::create(), other = SharedMemory::create();
    ASSERT_TRUE(open_memory(address_of(memory)));
    for (size_t i = 0; i < MemoryAddress{}.size(); ++i) {
        MemoryAddress wrong = address_of(memory);
        constexpr size_t kDescriptor = 2; // replaced by another memory's descriptor
        wrong[i] += i == kDescriptor ? other.fd() - memory.fd() : 1;
        EXPECT_FALSE(open_memory(wrong)) << "element " << i;
    }
}

TEST(MemoryAddressTest, AnAddressWithoutAHostIsNotMapped) {
    EXPECT_FALSE(open_memory(MemoryAddress{}));
}

} // namespace
} // namespace dagan::cluster
