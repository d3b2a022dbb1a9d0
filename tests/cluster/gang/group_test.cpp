// Groups that need no MPI: a group of one, and groups through agents with fake collectives.
#include "base/error.h"
#include "cluster/gang/group_through_agent.h"
#include "cluster/gang/through_fake_agents.h"
#include "gang/group_contract.h"

#include <atomic>

namespace dagan::gang {
namespace {

struct Alone {
    static std::vector<int> sizes() { return {1}; }
    static void run(int, const GroupBody& body) { body(*make_group_alone()); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Alone, GroupContract, Alone);
INSTANTIATE_TYPED_TEST_SUITE_P(ThroughFakeAgents, GroupContract, cluster::ThroughFakeAgents);

} // namespace
} // namespace dagan::gang

namespace dagan::cluster {
namespace {

TEST(GroupThroughAgentTest, AMemberThatLeavesIsGangBrokenForTheOthers) {
    std::atomic<int> broken = 0;
    ThroughFakeAgents::run(3, [&](gang::Group& group) {
        const auto x = group.allocate(10);
        group.all_reduce_mean(x);
        if (group.rank() == 1) return; // ends while the others reduce
        try {
            group.all_reduce_mean(x);
        } catch (const gang::GangBroken&) {
            ++broken;
        }
    });
    EXPECT_EQ(broken, 2);
}

TEST(GroupThroughAgentTest, MemoryThatAnEarlierGroupUsedIsZeroed) {
    auto [trainer_end, agent_end] = make_channel_pair();
    TrainerLink link(std::move(trainer_end));
    SharedMemory memory = SharedMemory::create();
    for (int i = 0; i < 2; ++i) {
        const auto group = make_group_through_agent(link, memory, 0, 2);
        const auto x = group->allocate(100);
        for (const float value : x) ASSERT_EQ(value, 0);
        std::fill(x.begin(), x.end(), 3.0F);
    }
}

TEST(GroupThroughAgentTest, MemoryThatItDidNotAllocateIsRefused) {
    auto [trainer_end, agent_end] = make_channel_pair();
    TrainerLink link(std::move(trainer_end));
    SharedMemory memory = SharedMemory::create();
    const auto group = make_group_through_agent(link, memory, 0, 2);
    const auto x = group->allocate(16);
    std::vector<float> foreign(16);
    EXPECT_THROW(group->all_reduce_mean(foreign), Error);
    EXPECT_THROW(group->all_reduce_mean({x.data() + 8, 16}), Error);
}

} // namespace
} // namespace dagan::cluster
