// Several coordinators on one store, each with its own ranks: which of them runs which task, what
// happens to the tasks of an allocation that died or froze, and that every task counts once.
#include "base/error.h"
#include "base/log.h"
#include "launcher/coordinator/fake_allocation.h"

#include <memory>

namespace dagan::launcher {
namespace {

class PeerAllocationsTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { log_to_file("/dev/null", "test"); }
    void begin(const std::vector<Sketch>& tasks) {
        shared_.plan = plan_of(tasks);
        shared_.seconds = seconds_of(tasks);
        shared_.stamps.clear();
        shared_.store.emplace(shared_.plan);
        shared_.leases = {};
    }
    std::unique_ptr<Allocation> join(const std::string& name, Schedule::Resources resources = {}) {
        return std::make_unique<Allocation>(shared_, name, resources);
    }
    FakeStore& store() { return *shared_.store; }
    int attempts_of(const std::string& task) {
        int count = 0;
        for (const auto& [token, attempt] : store().committed().attempts)
            count += attempt.task == task;
        return count;
    }
    Shared shared_;
};

TEST_F(PeerAllocationsTest, EachRunsTasksThatTheOthersDoNotHold) {
    begin({{}, {}, {}});
    auto a = join("a"), b = join("b");
    a->turn();
    b->turn();
    EXPECT_TRUE(a->runs("task0"));
    EXPECT_TRUE(b->runs("task1"));
    EXPECT_TRUE(std::holds_alternative<RunningOnPeer>(b->state(0)));
    EXPECT_EQ(b->coordinator.status(0).tasks.running, 2)
        << "a task that runs on a peer counts as running";
    b->end("task1");
    b->turn();
    EXPECT_TRUE(b->runs("task2"));
    EXPECT_EQ(attempts_of("task0"), 1);
}

TEST_F(PeerAllocationsTest, ALeaseThatAPeerHasJustAcquiredIsNoticedBeforeAnAttemptStarts) {
    begin({{}, {}});
    auto a = join("a"), b = join("b");
    b->turn();
    b->end("task0", Outcome::died); // now allocation a is faster
    a->leases.poll_is_early = b->leases.poll_is_early = true;
    a->turn();
    ASSERT_FALSE(a->runs("task0"));
    ASSERT_TRUE(a->runs("task1"));
    b->turn();
    EXPECT_FALSE(b->runs("task0"))
        << "the end of the first attempt is committed before the next starts";
    b->turn();
    EXPECT_TRUE(b->runs("task0"));
    EXPECT_EQ(store().committed().attempts.size(), 3U);
}

TEST_F(PeerAllocationsTest, ATaskThatAPeerFinishedIsDone) {
    begin({{}, {.needs = {0}}, {.needs = {0}}});
    auto a = join("a"), b = join("b");
    a->turn();
    b->turn();
    EXPECT_TRUE(b->ranks.running.empty());
    EXPECT_FALSE(b->coordinator.over()) << "it waits for the task that the peer holds";
    a->end("task0");
    a->turn();
    b->turn();
    EXPECT_TRUE(a->runs("task1"));
    EXPECT_TRUE(b->runs("task2"));
    EXPECT_TRUE(std::holds_alternative<Done>(b->state(0)));
    a->end("task1");
    b->end("task2");
    for (int i = 0; i < 2; ++i) a->turn(), b->turn();
    EXPECT_TRUE(a->coordinator.over() && b->coordinator.over());
    EXPECT_EQ(b->coordinator.status(0).state, CampaignState::finished);
}

TEST_F(PeerAllocationsTest, ATaskThatAPeerGaveUpBlocksItsDependents) {
    begin({{}, {.needs = {0}}});
    auto a = join("a"), b = join("b");
    a->turn();
    a->end("task0", Outcome::input_error);
    a->turn();
    b->turn();
    EXPECT_TRUE(std::holds_alternative<Failed>(b->state(0)));
    EXPECT_TRUE(b->coordinator.over());
    EXPECT_EQ(b->coordinator.status(0).state, CampaignState::failed);
}

TEST_F(PeerAllocationsTest, AGangHasOneLease) {
    begin({{.ranks = 2, .seconds = 9}, {}, {}});
    auto a = join("a", {.ranks = 2}), b = join("b", {.ranks = 2});
    a->turn();
    b->turn();
    EXPECT_EQ(a->ranks.running.at("task0").size(), 2U);
    EXPECT_FALSE(b->runs("task0"));
    EXPECT_TRUE(b->runs("task1") && b->runs("task2"))
        << "no rank is reserved for a gang that runs on a peer";
    EXPECT_EQ(store().attempt(a->ranks.running.at("task0").front().attempt).ranks, "0,1");
    EXPECT_EQ(store().attempt(b->ranks.running.at("task1").front().attempt).ranks, "2:0")
        << "rank 0 of the second allocation";
}

TEST_F(PeerAllocationsTest, TasksOfADeadAllocationAreTakenOverWhenItsLeasesExpire) {
    begin({{}, {}});
    auto a = join("a"), b = join("b");
    a->turn();
    const int64_t lost = a->ranks.running.at("task0").front().attempt;
    a.reset();
    b->turn();
    b->end("task1");
    b->turn();
    EXPECT_TRUE(b->ranks.running.empty()) << "allocation a may be alive";
    EXPECT_FALSE(b->coordinator.over());
    shared_.leases.expire("a");
    b->turn();
    EXPECT_TRUE(b->runs("task0"));
    EXPECT_EQ(store().attempt(lost).result->outcome, Outcome::lost);
    EXPECT_TRUE(store().attempt(lost).charged);
    EXPECT_EQ(b->coordinator.schedule().charged(0), 1);
}

TEST_F(PeerAllocationsTest, AnAttemptOfADeadAllocationThatLeftACheckpointIsRefunded) {
    begin({{}});
    auto a = join("a");
    a->turn();
    const int64_t lost = a->ranks.running.at("task0").front().attempt;
    a.reset();
    shared_.stamps["task0"] = 7;
    shared_.leases.expire("a");
    auto b = join("b");
    b->turn();
    EXPECT_FALSE(store().attempt(lost).charged);
    EXPECT_EQ(b->coordinator.status(0).advances, 1);
}

TEST_F(PeerAllocationsTest, AnAllocationThatStartsDoesNotCloseThePeersAttempts) {
    begin({{}, {}});
    auto a = join("a");
    a->turn();
    auto b = join("b");
    b->turn();
    EXPECT_FALSE(store().attempt(a->ranks.running.at("task0").front().attempt).result);
    a->end("task0");
    a->turn();
    EXPECT_EQ(store().ended().at("task0").outcome, Outcome::done);
}

// The allocation was frozen for longer than its lease and has not polled since.
TEST_F(PeerAllocationsTest, AResultAfterATakeoverIsRefused) {
    begin({{}, {.needs = {0}}});
    auto frozen = join("frozen"), other = join("other");
    frozen->turn();
    const int64_t late = frozen->ranks.running.at("task0").front().attempt;
    shared_.leases.expire("frozen");
    other->turn();
    ASSERT_TRUE(other->runs("task0"));
    frozen->leases.poll_is_early = true;
    frozen->end("task0");
    frozen->turn();
    EXPECT_TRUE(store().ended().empty());
    EXPECT_FALSE(frozen->runs("task1")) << "its dependent waits for the result that counts";
    EXPECT_TRUE(std::holds_alternative<RunningOnPeer>(frozen->state(0)));
    other->end("task0");
    other->turn();
    EXPECT_EQ(store().ended().size(), 1U);
    EXPECT_EQ(store().attempt(late).result->outcome, Outcome::lost)
        << "recorded when the peer took over";
    frozen->leases.poll_is_early = false;
    frozen->turn();
    EXPECT_TRUE(std::holds_alternative<Done>(frozen->state(0)));
}

TEST_F(PeerAllocationsTest, AnAttemptThatAPeerHasTakenOverIsAbandoned) {
    begin({{.ranks = 2}});
    auto frozen = join("frozen", {.ranks = 2}), other = join("other", {.ranks = 2});
    frozen->turn();
    const int64_t attempt = frozen->ranks.running.at("task0").front().attempt;
    shared_.leases.expire("frozen");
    other->turn();
    frozen->turn();
    EXPECT_EQ(frozen->ranks.abandoned, std::set{attempt});
    frozen->end("task0", Outcome::interrupted);
    frozen->turn();
    EXPECT_TRUE(std::holds_alternative<RunningOnPeer>(frozen->state(0)));
    other->end("task0");
    other->turn();
    EXPECT_EQ(attempts_of("task0"), 2);
    EXPECT_EQ(store().ended().size(), 1U);
}

TEST_F(PeerAllocationsTest, AnExpiredLeaseThatNoPeerAcquiredIsAcquiredAgain) {
    begin({{}});
    auto frozen = join("frozen");
    frozen->turn();
    shared_.leases.expire("frozen");
    frozen->turn();
    EXPECT_TRUE(frozen->ranks.abandoned.empty());
    EXPECT_EQ(shared_.leases.held_by("task0"), "frozen");
    frozen->end("task0");
    frozen->turn();
    EXPECT_EQ(store().ended().size(), 1U);
    EXPECT_EQ(attempts_of("task0"), 1);
}

TEST_F(PeerAllocationsTest, AStoppedAllocationReleasesAllLeases) {
    begin({{}, {}});
    auto a = join("a", {.ranks = 2});
    a->turn();
    a->coordinator.on_stop_requested();
    a->end("task0", Outcome::interrupted);
    a->turn();
    EXPECT_EQ(shared_.leases.held_by("task0"), "");
    EXPECT_EQ(shared_.leases.held_by("task1"), "a");
    a->end("task1", Outcome::interrupted);
    a->turn();
    EXPECT_TRUE(a->coordinator.over());
    EXPECT_EQ(a->coordinator.status(0).state, CampaignState::stopped);
    EXPECT_TRUE(shared_.leases.all().empty());
    auto b = join("b", {.ranks = 2});
    b->turn();
    EXPECT_EQ(b->ranks.running.size(), 2U);
    EXPECT_EQ(b->coordinator.schedule().charged(0), 0) << "a stopped attempt is not charged";
}

TEST_F(PeerAllocationsTest, TheAttemptBudgetIsSharedByAllAllocations) {
    begin({{}});
    const Schedule::Resources resources{.max_attempts = 3};
    auto a = join("a", resources), b = join("b", resources);
    a->turn();
    a->end("task0", Outcome::died);
    a->coordinator.on_stop_requested();
    a->turn();
    for (int charged = 1; charged < 3; ++charged) {
        for (int i = 0; i < 2; ++i) b->turn(); // an end is committed before the next start
        ASSERT_TRUE(b->runs("task0"));
        EXPECT_EQ(b->coordinator.schedule().charged(0), charged);
        b->end("task0", Outcome::died);
    }
    b->turn();
    EXPECT_TRUE(std::holds_alternative<Quarantined>(b->state(0)));
    EXPECT_EQ(attempts_of("task0"), 3);
}

TEST_F(PeerAllocationsTest, NothingStartsShortlyBeforeTheDeadline) {
    begin({{}});
    auto a = join("a");
    a->turn(0, 4.9); // a kind without measurements needs 5 s
    EXPECT_FALSE(a->runs("task0"));
    EXPECT_TRUE(a->ranks.stopping) << "nothing runs, so the job stops at once";
    EXPECT_TRUE(a->coordinator.over() && a->coordinator.out_of_time());
    EXPECT_EQ(a->coordinator.status(0).state, CampaignState::stopped);
    EXPECT_TRUE(shared_.leases.all().empty());
}

// The task needed 3 s to start, and its steps take 2 s.
TEST_F(PeerAllocationsTest, ATaskThatCouldNotSaveAStepDoesNotStart) {
    begin({{.seconds = 2}, {}});
    auto a = join("a", {.ranks = 2});
    a->turn(0);
    const int64_t attempt = a->ranks.running.at("task0").front().attempt;
    a->turn(3);
    a->coordinator.on_progress({"task0", attempt, 1, 9, 0});
    a->coordinator.on_progress({"task0", attempt, 2, 9, 2});
    a->end("task0", Outcome::died);
    a->turn(4, 6.9);
    a->turn(4, 6.9);
    EXPECT_FALSE(a->runs("task0")) << "3 s + a step + a checkpoint are 7 s";
    EXPECT_EQ(a->coordinator.status(4).too_late, std::vector<std::string>{"classifier"});
    EXPECT_TRUE(std::holds_alternative<Ready>(a->state(0)));
    EXPECT_FALSE(a->ranks.stopping) << "the other task may run until the deadline";
    a->turn(4, 7.1);
    EXPECT_TRUE(a->runs("task0"));
    EXPECT_TRUE(a->coordinator.status(4).too_late.empty());
    EXPECT_FALSE(a->coordinator.out_of_time());
}

// Allocations start, stop, die and freeze at random, and leases expire before or after their owners
// notice.
class PeerAccidentsTest : public PeerAllocationsTest {
  protected:
    struct Campaign {
        Random random;
        Schedule::Resources resources;
        double failure_rate = 0; // 0: no accidents
        double now_s = 0;
        int joined = 0;
        std::map<std::string, std::unique_ptr<Allocation>> alive = {}; // by name
        std::vector<std::string> dead = {};
    };

    // Returns the outcome of a task that runs to its end. It depends on the task alone.
    static Outcome outcome_of(const std::string& task) {
        return std::stoi(task.substr(4)) % 13 == 12 ? Outcome::input_error : Outcome::done;
    }
    void join_another(Campaign& campaign) {
        const std::string name = "allocation" + std::to_string(++campaign.joined);
        campaign.alive[name] = join(name, campaign.resources);
    }
    // Lets random events happen to one allocation. Returns false if it died.
    bool disturb(Campaign& campaign, const std::string& name) {
        Allocation& allocation = *campaign.alive.at(name);
        Random& random = campaign.random;
        allocation.leases.poll_is_early = random.chance(0.5);
        if (!allocation.ranks.running.empty() && random.chance(0.7)) {
            const auto chosen =
                std::next(allocation.ranks.running.begin(),
                          static_cast<int>(random.below(allocation.ranks.running.size())));
            const std::string task = chosen->first;
            const bool abandoned =
                allocation.ranks.abandoned.contains(chosen->second.front().attempt);
            const bool stops = allocation.ranks.stopping && random.chance(0.9),
                       dies = random.chance(campaign.failure_rate);
            if (dies && random.chance(0.8)) ++shared_.stamps[task];
            allocation.end(task, abandoned || stops ? Outcome::interrupted
                                 : dies             ? Outcome::died
                                                    : outcome_of(task));
        }
        if (random.chance(campaign.failure_rate / 20)) shared_.leases.expire(name); // as if frozen
        if (random.chance(campaign.failure_rate / 30)) allocation.coordinator.on_stop_requested();
        if (random.chance(campaign.failure_rate / 15)) { // killed; uncommitted changes are lost
            campaign.alive.erase(name);
            store().crash();
            campaign.dead.push_back(name);
            return false;
        }
        return true;
    }
    // Runs until one allocation finds that all tasks have ended. Returns false if none does.
    bool run_to_the_end(Campaign& campaign) {
        for (int round = 0; round < 20'000; ++round, campaign.now_s += 0.5) {
            if (campaign.alive.empty() ||
                (campaign.alive.size() < 3 && campaign.random.chance(0.05)))
                join_another(campaign);
            const auto chosen =
                std::next(campaign.alive.begin(),
                          static_cast<int>(campaign.random.below(campaign.alive.size())));
            const std::string name = chosen->first;
            if (!disturb(campaign, name)) continue;
            Allocation& allocation = *campaign.alive.at(name);
            allocation.turn(campaign.now_s);
            for (const std::string& dead : campaign.dead) {
                if (campaign.random.chance(0.1)) shared_.leases.expire(dead);
            }
            if (!allocation.coordinator.over()) continue;
            if (allocation.coordinator.schedule().counts().all_ended()) return true;
            campaign.alive.erase(name); // stopped
        }
        return false;
    }
};

TEST_F(PeerAccidentsTest, LeaveTheSameResultsAsAnUndisturbedRun) {
    int taken_over = 0, died = 0;
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        Random plans(derive(seed, "plan"));
        const int ranks = 1 + static_cast<int>(plans.below(4));
        const std::vector<Sketch> tasks = random_sketches(plans, 25, ranks);
        const Schedule::Resources resources{.ranks = ranks,
                                            .slots_per_rank = 1 + static_cast<int>(plans.below(2)),
                                            .max_attempts = 1000};
        begin(tasks);
        Campaign undisturbed{.random = Random(derive(seed, "quiet")), .resources = resources};
        ASSERT_NO_THROW(ASSERT_TRUE(run_to_the_end(undisturbed))) << "seed " << seed;
        const auto expected = store().ended();
        begin(tasks);
        Campaign disturbed{
            .random = Random(derive(seed, "wild")), .resources = resources, .failure_rate = 0.4};
        ASSERT_NO_THROW(ASSERT_TRUE(run_to_the_end(disturbed)) << "seed " << seed)
            << "seed " << seed;
        ASSERT_TRUE(store().ended() == expected) << "seed " << seed;
        ASSERT_FALSE(HasFailure()) << "seed " << seed;
        for (const auto& [token, attempt] : store().committed().attempts)
            taken_over += attempt.result && attempt.result->outcome == Outcome::lost;
        died += static_cast<int>(disturbed.dead.size());
    }
    EXPECT_GT(taken_over, 300) << "too few accidents for a meaningful test";
    EXPECT_GT(died, 300);
}

} // namespace
} // namespace dagan::launcher
