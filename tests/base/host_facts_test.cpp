#include "base/host_facts.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

namespace dagan {
namespace {

TEST(HostFactsTest, DescribesThisHost) {
    const HostFacts facts = host_facts();
    EXPECT_FALSE(facts.name.empty());
    EXPECT_GE(facts.cores, 1);
    EXPECT_GT(facts.memory_bytes, int64_t{64} << 20);
    EXPECT_EQ(facts.boot_id, host_facts().boot_id);
}

TEST(HostFactsTest, CoresFollowTheAffinityMask) {
    cpu_set_t before;
    ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
    int first = 0;
    while (!CPU_ISSET(static_cast<size_t>(first), &before)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(first), &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(available_cores(), 1);
    ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
    EXPECT_LE(available_cores(), CPU_COUNT(&before));
}

} // namespace
} // namespace dagan
