// Poison task, bad node, both, or a fault that passes: BlameMatrix alone, and the right verdict at the end of whole campaigns.
#include "launcher/scheduling/node_health.h"

#include "base/random.h"
#include "launcher/plans.h"
#include "launcher/scheduling/schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace dagan::launcher {
namespace {

using Standing = NodeHealth::State;
using Change = NodeHealth::Change;

struct ThreeNodes : testing::Test {
    ThreeNodes() {
        for (const char* host : {"a", "b", "c"}) blame.add_rank(blame.node(host));
    }
    // Three different tasks fail on node a.
    void make_a_suspicious() {
        for (const TaskIndex task : {1, 2}) EXPECT_EQ(blame.on_failure(task, a), Change::none);
        EXPECT_EQ(blame.on_failure(3, a), Change::backs_off);
    }
    Change failed_probe(TaskIndex task) {
        blame.wake(a);
        EXPECT_TRUE(blame.usable(a));
        blame.on_start(a);
        EXPECT_FALSE(blame.usable(a)) << "one probe at a time";
        return blame.on_failure(task, a);
    }
    NodeHealth blame;
    NodeIndex a = 0, b = 1, c = 2;
};

TEST_F(ThreeNodes, OneTaskThatFailsManyTimesIsNotTheNodesFault) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(blame.on_failure(7, a), Change::none);
    EXPECT_EQ(blame.state(a), Standing::healthy);
}

TEST_F(ThreeNodes, DifferentTasksInARowMakeANodeRest) {
    make_a_suspicious();
    EXPECT_FALSE(blame.usable(a));
    EXPECT_TRUE(blame.usable(b));
}

TEST_F(ThreeNodes, ASuccessInBetweenClearsTheNode) {
    blame.on_failure(1, a);
    blame.on_failure(2, a);
    blame.on_success(9, a);
    EXPECT_EQ(blame.on_failure(3, a), Change::none);
}

TEST_F(ThreeNodes, AProbeThatSucceedsClearsTheNode) {
    make_a_suspicious();
    blame.wake(a);
    blame.on_start(a);
    blame.on_success(4, a);
    EXPECT_EQ(blame.state(a), Standing::healthy);
}

TEST_F(ThreeNodes, FailedProbesAndProofsElsewhereMakeItBad) {
    make_a_suspicious();
    blame.on_success(1, b);
    blame.on_success(2, c);
    EXPECT_EQ(failed_probe(4), Change::backs_off);
    EXPECT_EQ(failed_probe(5), Change::backs_off);
    EXPECT_EQ(failed_probe(6), Change::is_bad);
    EXPECT_EQ(blame.failed_on(1), nullptr) << "what failed there says nothing about the task";
    blame.wake(a);
    EXPECT_FALSE(blame.usable(a));
}

TEST_F(ThreeNodes, WithoutProofsItGoesOnBeingProbed) {
    make_a_suspicious();
    for (TaskIndex task = 4; task < 10; ++task) EXPECT_EQ(failed_probe(task), Change::backs_off);
}

TEST_F(ThreeNodes, TasksThatFailElsewhereTooAreNoWitnesses) {
    make_a_suspicious();
    blame.on_failure(2, b);
    EXPECT_EQ(blame.state(a), Standing::healthy);
    EXPECT_EQ(blame.state(b), Standing::healthy);
}

TEST_F(ThreeNodes, TheLastNodeInGoodStandingIsNotSuspected) {
    make_a_suspicious();
    for (const TaskIndex task : {4, 5, 6}) blame.on_failure(task, b);
    EXPECT_EQ(blame.state(b), Standing::backing_off);
    for (const TaskIndex task : {7, 8, 9, 10}) EXPECT_EQ(blame.on_failure(task, c), Change::none);
    EXPECT_TRUE(blame.usable(c));
}

TEST_F(ThreeNodes, NodesWithoutRanksAreNotComparedWith) {
    blame.remove_rank(b);
    blame.remove_rank(c);
    for (const TaskIndex task : {1, 2, 3, 4}) EXPECT_EQ(blame.on_failure(task, a), Change::none);
    EXPECT_TRUE(blame.failed_everywhere(1));
}

// Whole campaigns of 150 tasks on three nodes. `trouble` says whether a task's attempt on a node fails at that time (the number
// of attempts that ended so far).
struct Ends {
    std::set<TaskIndex> quarantined;
    std::set<std::string> bad;
};
template <class Trouble> Ends play(uint64_t seed, Trouble trouble) {
    constexpr int kTasks = 150, kRanks = 6;
    Random random(derive(seed, "blame"));
    std::vector<Sketch> tasks(kTasks);
    for (Sketch& task : tasks) task.seconds = random.uniform(1, 10);
    Schedule schedule(plan_of(tasks), seconds_of(tasks), {.ranks = kRanks});
    const std::string hosts[] = {"a", "b", "c"};
    for (Rank rank = 0; rank < kRanks; ++rank) schedule.set_host(rank, hosts[rank / 2]);
    std::map<TaskIndex, Rank> running;
    std::multimap<int, NodeIndex> resting; // by the number of ended attempts when it wakes
    Ends ends;
    for (int ended = 0; !schedule.counts().all_ended() && ended < 10'000; ++ended) {
        for (; !resting.empty() && resting.begin()->first <= ended; resting.erase(resting.begin()))
            schedule.wake_node(resting.begin()->second);
        for (const Placement& start : schedule.schedule_ready())
            running[start.task] = start.ranks.front();
        schedule.check_invariants();
        if (running.empty()) continue; // somebody rests
        const auto chosen =
            std::next(running.begin(), static_cast<int>(random.below(running.size())));
        const auto [task, rank] = *chosen;
        running.erase(chosen);
        const Outcome outcome =
            trouble(task, hosts[rank / 2], ended) ? Outcome::died : Outcome::done;
        const AttemptDecision verdict = schedule.on_ended(task, outcome, "why", false);
        if (verdict.node_backs_off)
            resting.emplace(
                ended + (5 << schedule.node_health().failed_probes(*verdict.node_backs_off)),
                *verdict.node_backs_off);
        if (verdict.bad_node) ends.bad.insert(schedule.node_health().host(*verdict.bad_node));
        if (verdict.final && outcome != Outcome::done) ends.quarantined.insert(task);
    }
    EXPECT_TRUE(schedule.counts().all_ended());
    EXPECT_EQ(schedule.counts().done + schedule.counts().quarantined, kTasks);
    return ends;
}

constexpr uint64_t kSeeds = 200;

TEST(Verdicts, APoisonTaskIsQuarantinedAndNoNodeBlamed) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const Ends ends =
            play(seed, [](TaskIndex task, const std::string&, int) { return task == 70; });
        EXPECT_EQ(ends.quarantined, std::set<TaskIndex>{70}) << "seed " << seed;
        EXPECT_TRUE(ends.bad.empty()) << "seed " << seed;
    }
}

TEST(Verdicts, FourPoisonTasksAreQuarantinedAndNoNodeBlamed) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const std::set<TaskIndex> poison{20, 21, 22, 90};
        const Ends ends = play(
            seed, [&](TaskIndex task, const std::string&, int) { return poison.contains(task); });
        EXPECT_EQ(ends.quarantined, poison) << "seed " << seed;
        EXPECT_TRUE(ends.bad.empty()) << "seed " << seed;
    }
}

TEST(Verdicts, ABadNodeIsShutOutAndNoTaskGivenUp) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const Ends ends =
            play(seed, [](TaskIndex, const std::string& host, int) { return host == "b"; });
        EXPECT_TRUE(ends.quarantined.empty()) << "seed " << seed;
        EXPECT_EQ(ends.bad, std::set<std::string>{"b"}) << "seed " << seed;
    }
}

TEST(Verdicts, ABadNodeAndAPoisonTaskAreToldApart) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const Ends ends = play(seed, [](TaskIndex task, const std::string& host, int) {
            return host == "a" || task == 70;
        });
        EXPECT_EQ(ends.quarantined, std::set<TaskIndex>{70}) << "seed " << seed;
        EXPECT_EQ(ends.bad, std::set<std::string>{"a"}) << "seed " << seed;
    }
}

TEST(Verdicts, AFaultThatPassesIsHeldAgainstNobody) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const Ends everywhere = play(seed, [](TaskIndex, const std::string&, int ended) {
            return ended >= 40 && ended < 46;
        });
        EXPECT_TRUE(everywhere.quarantined.empty() && everywhere.bad.empty()) << "seed " << seed;
        const Ends one_node = play(seed, [](TaskIndex, const std::string& host, int ended) {
            return host == "c" && ended >= 40 && ended < 60;
        });
        EXPECT_TRUE(one_node.quarantined.empty() && one_node.bad.empty()) << "seed " << seed;
    }
}

} // namespace
} // namespace dagan::launcher
