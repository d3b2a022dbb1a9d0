// Distinguishes a faulty task, a bad node, both, and a transient fault: NodeHealth alone, and with
// Schedule over whole campaigns.
#include "launcher/scheduling/node_health.h"

#include "base/random.h"
#include "launcher/plans.h"
#include "launcher/scheduling/schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace dagan::launcher {
namespace {

using State = NodeHealth::State;
using Change = NodeHealth::Change;

struct ThreeNodes : testing::Test {
    ThreeNodes() {
        for (const char* host : {"a", "b", "c"}) health.add_rank(health.node(host));
    }
    // Three different tasks fail on node a.
    void make_a_suspicious() {
        for (const int task : {1, 2})
            EXPECT_EQ(health.on_failure(TaskIndex::from(task), a), Change::none);
        EXPECT_EQ(health.on_failure(3, a), Change::backs_off);
    }
    Change failed_probe(TaskIndex task) {
        health.wake(a);
        EXPECT_TRUE(health.usable(a));
        health.on_start(a);
        EXPECT_FALSE(health.usable(a)) << "one probe at a time";
        return health.on_failure(task, a);
    }
    NodeHealth health;
    NodeIndex a = 0, b = 1, c = 2;
};

TEST_F(ThreeNodes, ATaskThatFailsRepeatedlyIsNoEvidenceAgainstTheNode) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(health.on_failure(7, a), Change::none);
    EXPECT_EQ(health.state(a), State::healthy);
}

TEST_F(ThreeNodes, SeveralTasksThatFailInARowMakeTheNodeBackOff) {
    make_a_suspicious();
    EXPECT_FALSE(health.usable(a));
    EXPECT_TRUE(health.usable(b));
}

TEST_F(ThreeNodes, ASuccessBetweenFailuresClearsTheNode) {
    health.on_failure(1, a);
    health.on_failure(2, a);
    health.on_success(9, a);
    EXPECT_EQ(health.on_failure(3, a), Change::none);
}

TEST_F(ThreeNodes, ASuccessfulProbeClearsTheNode) {
    make_a_suspicious();
    health.wake(a);
    health.on_start(a);
    health.on_success(4, a);
    EXPECT_EQ(health.state(a), State::healthy);
}

TEST_F(ThreeNodes, FailedProbesAndProofsOnOtherNodesMakeANodeBad) {
    make_a_suspicious();
    health.on_success(1, b);
    health.on_success(2, c);
    EXPECT_EQ(failed_probe(4), Change::backs_off);
    EXPECT_EQ(failed_probe(5), Change::backs_off);
    EXPECT_EQ(failed_probe(6), Change::is_bad);
    EXPECT_EQ(health.failed_on(1), nullptr)
        << "a failure on a bad node says nothing about the task";
    health.wake(a);
    EXPECT_FALSE(health.usable(a));
}

TEST_F(ThreeNodes, WithoutProofsANodeIsProbedAgain) {
    make_a_suspicious();
    for (TaskIndex task = 4; task < 10; ++task) EXPECT_EQ(failed_probe(task), Change::backs_off);
}

TEST_F(ThreeNodes, TasksThatFailOnOtherNodesTooAreNoEvidence) {
    make_a_suspicious();
    health.on_failure(2, b);
    EXPECT_EQ(health.state(a), State::healthy);
    EXPECT_EQ(health.state(b), State::healthy);
}

TEST_F(ThreeNodes, TheLastHealthyNodeIsNotSuspected) {
    make_a_suspicious();
    for (const int task : {4, 5, 6}) health.on_failure(TaskIndex::from(task), b);
    EXPECT_EQ(health.state(b), State::backing_off);
    for (const int task : {7, 8, 9, 10})
        EXPECT_EQ(health.on_failure(TaskIndex::from(task), c), Change::none);
    EXPECT_TRUE(health.usable(c));
}

TEST_F(ThreeNodes, NodesWithoutRanksAreNotCompared) {
    health.remove_rank(b);
    health.remove_rank(c);
    for (const int task : {1, 2, 3, 4})
        EXPECT_EQ(health.on_failure(TaskIndex::from(task), a), Change::none);
    EXPECT_TRUE(health.failed_everywhere(1));
}

// Runs a campaign of 150 tasks on three nodes. fails(task, host, time) says whether an attempt
// fails; the time is the number of attempts that have ended.
struct CampaignEnd {
    std::set<TaskIndex> quarantined;
    std::set<std::string> bad_hosts;
};
template <class Fails> CampaignEnd run_campaign(uint64_t seed, Fails fails) {
    constexpr int kTasks = 150, kRanks = 6;
    Random random(derive(seed, "blame"));
    std::vector<Sketch> tasks(kTasks);
    for (Sketch& task : tasks) task.seconds = random.uniform(1, 10);
    Schedule schedule(plan_of(tasks), seconds_of(tasks), {.ranks = kRanks});
    const std::string hosts[] = {"a", "b", "c"};
    const auto host_of = [&](Rank rank) { return hosts[rank.value() / 2]; };
    for (const Rank rank : IndexRange<Rank>(kRanks)) schedule.set_host(rank, host_of(rank));
    std::map<TaskIndex, Rank> running;
    std::multimap<int, NodeIndex> backing_off; // by the time when the back-off ends
    CampaignEnd end;
    for (int ended = 0; !schedule.counts().all_ended() && ended < 10'000; ++ended) {
        while (!backing_off.empty() && backing_off.begin()->first <= ended) {
            schedule.wake_node(backing_off.begin()->second);
            backing_off.erase(backing_off.begin());
        }
        for (const Placement& placement : schedule.schedule_ready())
            running[placement.task] = placement.ranks.front();
        schedule.check_invariants();
        if (running.empty()) continue; // a node backs off
        const auto chosen =
            std::next(running.begin(), static_cast<int>(random.below(running.size())));
        const auto [task, rank] = *chosen;
        running.erase(chosen);
        const Outcome outcome = fails(task, host_of(rank), ended) ? Outcome::died : Outcome::done;
        const AttemptDecision decision = schedule.on_ended(task, outcome, "why", false);
        const NodeHealth& health = schedule.node_health();
        if (const auto node = decision.node_backs_off)
            backing_off.emplace(ended + (5 << health.failed_probes(*node)), *node);
        if (decision.bad_node) end.bad_hosts.insert(health.host(*decision.bad_node));
        if (decision.final && outcome != Outcome::done) end.quarantined.insert(task);
    }
    EXPECT_TRUE(schedule.counts().all_ended());
    EXPECT_EQ(schedule.counts().done + schedule.counts().quarantined, kTasks);
    return end;
}

constexpr uint64_t kSeeds = 200;

TEST(NodeHealthCampaignTest, AFaultyTaskIsQuarantinedAndNoNodeIsBad) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const CampaignEnd end =
            run_campaign(seed, [](TaskIndex task, const std::string&, int) { return task == 70; });
        EXPECT_EQ(end.quarantined, std::set<TaskIndex>{70}) << "seed " << seed;
        EXPECT_TRUE(end.bad_hosts.empty()) << "seed " << seed;
    }
}

TEST(NodeHealthCampaignTest, FourFaultyTasksAreQuarantinedAndNoNodeIsBad) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const std::set<TaskIndex> faulty{20, 21, 22, 90};
        const CampaignEnd end = run_campaign(
            seed, [&](TaskIndex task, const std::string&, int) { return faulty.contains(task); });
        EXPECT_EQ(end.quarantined, faulty) << "seed " << seed;
        EXPECT_TRUE(end.bad_hosts.empty()) << "seed " << seed;
    }
}

TEST(NodeHealthCampaignTest, ABadNodeIsFoundAndNoTaskIsGivenUp) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const CampaignEnd end =
            run_campaign(seed, [](TaskIndex, const std::string& host, int) { return host == "b"; });
        EXPECT_TRUE(end.quarantined.empty()) << "seed " << seed;
        EXPECT_EQ(end.bad_hosts, std::set<std::string>{"b"}) << "seed " << seed;
    }
}

TEST(NodeHealthCampaignTest, ABadNodeAndAFaultyTaskAreDistinguished) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const CampaignEnd end = run_campaign(seed, [](TaskIndex task, const std::string& host,
                                                      int) { return host == "a" || task == 70; });
        EXPECT_EQ(end.quarantined, std::set<TaskIndex>{70}) << "seed " << seed;
        EXPECT_EQ(end.bad_hosts, std::set<std::string>{"a"}) << "seed " << seed;
    }
}

TEST(NodeHealthCampaignTest, ATransientFaultHasNoLastingEffect) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const CampaignEnd everywhere =
            run_campaign(seed, [](TaskIndex, const std::string&, int ended) {
                return ended >= 40 && ended < 46;
            });
        EXPECT_TRUE(everywhere.quarantined.empty() && everywhere.bad_hosts.empty())
            << "seed " << seed;
        const CampaignEnd one_node =
            run_campaign(seed, [](TaskIndex, const std::string& host, int ended) {
                return host == "c" && ended >= 40 && ended < 60;
            });
        EXPECT_TRUE(one_node.quarantined.empty() && one_node.bad_hosts.empty()) << "seed " << seed;
    }
}

} // namespace
} // namespace dagan::launcher
