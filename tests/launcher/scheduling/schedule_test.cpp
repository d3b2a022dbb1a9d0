// The rules of Schedule, one by one. Random plans and outcomes: schedule_property_test.cpp.
#include "launcher/scheduling/schedule.h"

#include "base/error.h"
#include "launcher/plans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

namespace dagan::launcher {

// For messages of failed comparisons.
inline void PrintTo(const Placement& placement, std::ostream* out) {
    *out << "task " << placement.task << " on";
    for (const Rank rank : placement.ranks) *out << ' ' << rank;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Schedule schedule_of(const std::vector<Sketch>& tasks, Schedule::Resources resources) {
    return Schedule(plan_of(tasks), seconds_of(tasks), resources);
}

template <class State> bool is(const Schedule& schedule, TaskIndex task) {
    return std::holds_alternative<State>(schedule.state(task));
}

// Ends a task as done.
void finish(Schedule& schedule, TaskIndex task) {
    EXPECT_TRUE(schedule.on_ended(task, Outcome::done, "", false).final);
    schedule.check_invariants();
}

AttemptDecision fail(Schedule& schedule, TaskIndex task, Outcome outcome, bool progressed = false) {
    const AttemptDecision decision = schedule.on_ended(task, outcome, "why", progressed);
    schedule.check_invariants();
    return decision;
}

TEST(ScheduleTest, TheLongestPathToTheEndStartsFirst) {
    // Task 1 is short, but task 2 needs it; task 0 stands alone.
    auto schedule =
        schedule_of({{.seconds = 4}, {.seconds = 1}, {.needs = {1}, .seconds = 5}}, {.ranks = 1});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{1, {0}}));
    finish(schedule, 1);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{2, {0}}));
    finish(schedule, 2);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}));
}

TEST(ScheduleTest, OfEqualPathsTheTaskThatIsEarlierInThePlanStartsFirst) {
    auto schedule = schedule_of({{}, {}, {}}, {.ranks = 2});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}, Placement{1, {1}}));
}

TEST(ScheduleTest, NothingStartsBeforeAllItsNeedsAreDone) {
    auto schedule = schedule_of({{}, {}, {.needs = {0, 1}}}, {.ranks = 3});
    EXPECT_EQ(schedule.schedule_ready().size(), 2U);
    finish(schedule, 1);
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    EXPECT_TRUE(is<Waiting>(schedule, 2));
    finish(schedule, 0);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{2, {0}}));
}

TEST(ScheduleTest, EverySlotIsUsedAndTheRankWithMostFreeSlotsFirst) {
    auto schedule = schedule_of(std::vector<Sketch>(6), {.ranks = 2, .slots_per_rank = 2});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}, Placement{1, {1}},
                                                       Placement{2, {0}}, Placement{3, {1}}));
    EXPECT_EQ(schedule.free_slots(0), 0);
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
}

TEST(ScheduleTest, AGangTakesOneSlotOnEachOfItsRanks) {
    auto schedule = schedule_of({{.ranks = 2}, {.ranks = 2}}, {.ranks = 2, .slots_per_rank = 2});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0, 1}}, Placement{1, {0, 1}}));
    EXPECT_EQ(schedule.free_slots(0), 0);
    finish(schedule, 0);
    EXPECT_EQ(schedule.free_slots(0), 1);
    EXPECT_EQ(schedule.free_slots(1), 1);
}

TEST(ScheduleTest, TwoSlotsOfOneRankAreNotTwoRanks) {
    // Both slots of rank 0 become free while rank 1 is full.
    auto schedule = schedule_of(
        {{.seconds = 90}, {.seconds = 80}, {.seconds = 70}, {.seconds = 60}, {.ranks = 2}},
        {.ranks = 2, .slots_per_rank = 2});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}, Placement{1, {1}},
                                                       Placement{2, {0}}, Placement{3, {1}}));
    finish(schedule, 0);
    finish(schedule, 2);
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    finish(schedule, 3);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{4, {0, 1}}));
}

TEST(ScheduleTest, SmallTasksDoNotStarveAGang) {
    // Once tasks 0 and 1 run, the gang is first in the order. Without a reservation, the small
    // tasks would always take the rank that becomes free.
    std::vector<Sketch> tasks{{.seconds = 100}, {.seconds = 99}, {.ranks = 2, .seconds = 98}};
    tasks.resize(20);
    auto schedule = schedule_of(tasks, {.ranks = 2});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}, Placement{1, {1}}));
    finish(schedule, 1);
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty()) << "rank 1 is reserved for the gang";
    finish(schedule, 0);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{2, {0, 1}}));
}

TEST(ScheduleTest, SlotsThatAReservationDoesNotNeedAreFilled) {
    // Rank 0 has three free slots, rank 1 none. The gang needs one on each, so two small tasks may
    // start on rank 0.
    std::vector<Sketch> tasks(8, Sketch{.seconds = 100});
    tasks.push_back({.ranks = 2, .seconds = 50});
    tasks.resize(14);
    auto schedule = schedule_of(tasks, {.ranks = 2, .slots_per_rank = 4});
    EXPECT_EQ(schedule.schedule_ready().size(), 8U);
    for (const int on_rank_0 : {0, 2, 4}) finish(schedule, TaskIndex::from(on_rank_0));
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{9, {0}}, Placement{10, {0}}));
    EXPECT_EQ(schedule.free_slots(0), 1);
    finish(schedule, 1);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{8, {0, 1}}));
}

TEST(ScheduleTest, ALongerTaskOfOneRankStartsBeforeAGang) {
    auto schedule = schedule_of({{.ranks = 2, .seconds = 1}, {.seconds = 10}}, {.ranks = 2});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{1, {0}}));
    finish(schedule, 1);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0, 1}}));
}

TEST(ScheduleTest, AGangWithMoreMembersThanRanksIsRefusedWithBothNumbers) {
    try {
        schedule_of({{}, {.ranks = 5}}, {.ranks = 3});
        FAIL() << "was not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
        EXPECT_THAT(error.what(),
                    testing::AllOf(testing::HasSubstr("task1"), testing::HasSubstr("needs 5 ranks"),
                                   testing::HasSubstr("has 3")));
    }
}

TEST(ScheduleTest, AFailureBlocksAllTasksThatNeedIt) {
    //  0 -> 1 -> 2, 1 and 3 -> 4, 3 -> 5
    auto schedule = schedule_of(
        {{}, {.needs = {0}}, {.needs = {1}}, {}, {.needs = {1, 3}}, {.needs = {3}}}, {.ranks = 2});
    schedule.schedule_ready();
    EXPECT_TRUE(fail(schedule, 0, Outcome::input_error).final);
    EXPECT_EQ(std::get<Failed>(schedule.state(0)).error, "why");
    for (const int blocked : {1, 2, 4})
        EXPECT_TRUE(std::get<Blocked>(schedule.state(TaskIndex::from(blocked))).by == 0) << blocked;
    finish(schedule, 3);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{5, {0}}));
    finish(schedule, 5);
    EXPECT_EQ(schedule.counts(), (TaskCounts{.done = 2, .failed = 1, .blocked = 3}));
    EXPECT_TRUE(schedule.counts().all_ended());
}

TEST(ScheduleTest, InputErrorsAndBugsAreNotRetried) {
    for (const Outcome outcome : {Outcome::input_error, Outcome::bug}) {
        auto schedule = schedule_of({{}}, {.ranks = 1});
        schedule.schedule_ready();
        const AttemptDecision decision = fail(schedule, 0, outcome, true);
        EXPECT_TRUE(decision.final && !decision.refund) << to_string(outcome);
        EXPECT_EQ(std::get<Failed>(schedule.state(0)).outcome, outcome);
    }
}

TEST(ScheduleTest, ATaskThatKeepsKillingItsTrainersIsQuarantined) {
    for (const Outcome outcome : {Outcome::died, Outcome::stuck}) {
        auto schedule = schedule_of({{}}, {.ranks = 1, .max_attempts = 3});
        for (int attempt = 1; attempt <= 2; ++attempt) {
            schedule.schedule_ready();
            const AttemptDecision decision = fail(schedule, 0, outcome);
            EXPECT_FALSE(decision.final || decision.refund) << "attempt " << attempt;
            EXPECT_EQ(schedule.charged(0), attempt);
        }
        schedule.schedule_ready();
        EXPECT_TRUE(fail(schedule, 0, outcome).final);
        EXPECT_EQ(std::get<Quarantined>(schedule.state(0)).outcome, outcome);
        EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    }
}

TEST(ScheduleTest, SystemErrorsAreRetriedAndThenFail) {
    for (const Outcome outcome : {Outcome::system_error, Outcome::out_of_memory}) {
        auto schedule = schedule_of({{}}, {.ranks = 1, .max_attempts = 2});
        schedule.schedule_ready();
        EXPECT_FALSE(fail(schedule, 0, outcome).final);
        schedule.wake_task(0);
        schedule.schedule_ready();
        EXPECT_TRUE(fail(schedule, 0, outcome).final);
        EXPECT_EQ(std::get<Failed>(schedule.state(0)).outcome, outcome);
    }
}

TEST(ScheduleTest, AnAttemptThatProgressedIsRefunded) {
    auto schedule = schedule_of({{}}, {.ranks = 1, .max_attempts = 2});
    for (int attempt = 0; attempt < 10; ++attempt) {
        schedule.schedule_ready();
        const AttemptDecision decision = fail(schedule, 0, Outcome::died, true);
        EXPECT_TRUE(decision.refund && !decision.final);
        EXPECT_EQ(schedule.charged(0), 0);
    }
    EXPECT_TRUE(is<Ready>(schedule, 0));
}

TEST(ScheduleTest, AnInterruptedAttemptIsNotCharged) {
    auto schedule = schedule_of({{}}, {.ranks = 1, .max_attempts = 1});
    for (int attempt = 0; attempt < 3; ++attempt) {
        schedule.schedule_ready();
        const AttemptDecision decision = fail(schedule, 0, Outcome::interrupted);
        EXPECT_TRUE(decision.refund && !decision.final);
    }
    schedule.schedule_ready();
    finish(schedule, 0);
}

TEST(ScheduleTest, ADivergedClassifierIsAResultAndADivergedDaganIsNot) {
    auto schedule = schedule_of({{}, {.ranks = 2}, {.needs = {1}}}, {.ranks = 3});
    schedule.schedule_ready();
    EXPECT_TRUE(fail(schedule, 0, Outcome::diverged).final);
    EXPECT_TRUE(is<Done>(schedule, 0));
    EXPECT_TRUE(fail(schedule, 1, Outcome::diverged).final);
    EXPECT_EQ(std::get<Failed>(schedule.state(1)).outcome, Outcome::diverged);
    EXPECT_TRUE(is<Blocked>(schedule, 2));
}

TEST(ScheduleTest, TasksThatEndedInTheStoreDoNotRunAgain) {
    auto schedule =
        schedule_of({{}, {.needs = {0}}, {.needs = {1}}, {}, {.needs = {3}}}, {.ranks = 2});
    schedule.restore(0, {.ended = Outcome::done, .charged = 1});
    schedule.restore(1, {.charged = 1});
    schedule.restore(2, {});
    schedule.restore(3, {.ended = Outcome::died, .error = "killed by signal 9", .charged = 5});
    schedule.restore(4, {});
    schedule.check_invariants();
    EXPECT_EQ(schedule.counts(),
              (TaskCounts{.waiting = 1, .ready = 1, .done = 1, .quarantined = 1, .blocked = 1}));
    EXPECT_EQ(std::get<Quarantined>(schedule.state(3)).error, "killed by signal 9");
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{1, {0}}));
}

TEST(ScheduleTest, ChargesOfEarlierJobsCountButLeaveOneAttempt) {
    auto schedule = schedule_of({{}, {}}, {.ranks = 2, .max_attempts = 3});
    schedule.restore(0, {.charged = 1});
    schedule.restore(1, {.charged = 7});
    EXPECT_EQ(schedule.charged(0), 1);
    schedule.schedule_ready();
    EXPECT_FALSE(fail(schedule, 0, Outcome::died).final);
    EXPECT_TRUE(fail(schedule, 1, Outcome::died).final);
}

TEST(ScheduleTest, ATaskWithWhichTheJobWasLostTwiceIsIsolated) {
    auto schedule = schedule_of({{.seconds = 9}, {.seconds = 8}, {}}, {.ranks = 3});
    schedule.restore(0, {.charged = 2, .lost = 2, .last_lost = true});
    schedule.restore(1, {.charged = 1, .lost = 1, .last_lost = true});
    EXPECT_TRUE(schedule.isolated(0));
    EXPECT_FALSE(schedule.isolated(1));
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{1, {0}}, Placement{2, {1}}));
    finish(schedule, 1);
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    finish(schedule, 2);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}));
    finish(schedule, 0);
}

TEST(ScheduleTest, NothingStartsBesideAnIsolatedTask) {
    auto schedule = schedule_of({{.seconds = 9}, {.seconds = 8}}, {.ranks = 3});
    for (const int task : {0, 1})
        schedule.restore(TaskIndex::from(task), {.charged = 2, .lost = 2, .last_lost = true});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}));
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    fail(schedule, 0, Outcome::interrupted);
    EXPECT_EQ(schedule.schedule_ready().size(), 1U);
}

TEST(ScheduleTest, ATaskThatBecomesReadyWaitsForARunningIsolatedTask) {
    auto schedule = schedule_of({{.seconds = 9}, {}}, {.ranks = 3});
    schedule.restore(0, {.charged = 2, .lost = 2, .last_lost = true});
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{1, {0}}));
    EXPECT_TRUE(fail(schedule, 1, Outcome::system_error).task_backs_off);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {0}}));
    schedule.wake_task(1);
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    finish(schedule, 0);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{1, {0}}));
}

TEST(ScheduleTest, ATaskThatWasNeverLostAloneIsNotQuarantined) {
    auto schedule = schedule_of({{}}, {.ranks = 1});
    EXPECT_FALSE(schedule.restore(0, {.charged = 5, .lost = 2, .last_lost = true}).final)
        << "its other charges are for other failures";
    EXPECT_EQ(schedule.schedule_ready().size(), 1U);
}

TEST(ScheduleTest, ATaskWithWhichTheJobIsLostAlthoughIsolatedIsQuarantined) {
    auto schedule = schedule_of({{}, {.needs = {0}}, {}}, {.ranks = 2});
    EXPECT_TRUE(
        schedule.restore(0, {.error = "job died", .charged = 5, .lost = 5, .last_lost = true})
            .final);
    EXPECT_FALSE(schedule.restore(2, {.charged = 4, .lost = 4, .last_lost = true}).final);
    schedule.check_invariants();
    EXPECT_EQ(std::get<Quarantined>(schedule.state(0)).outcome, Outcome::lost);
    EXPECT_TRUE(is<Blocked>(schedule, 1));
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{2, {0}}));
}

TEST(ScheduleTest, ATaskBacksOffAfterASystemError) {
    auto schedule = schedule_of({{}}, {.ranks = 1});
    schedule.schedule_ready();
    EXPECT_TRUE(fail(schedule, 0, Outcome::system_error).task_backs_off);
    EXPECT_TRUE(is<BackingOff>(schedule, 0));
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    EXPECT_FALSE(schedule.counts().all_ended());
    schedule.wake_task(0);
    EXPECT_EQ(schedule.schedule_ready().size(), 1U);
}

TEST(ScheduleTest, OutOfMemoryHalvesTheSlots) {
    auto schedule = schedule_of(std::vector<Sketch>(12), {.ranks = 1, .slots_per_rank = 4});
    EXPECT_EQ(schedule.schedule_ready().size(), 4U);
    fail(schedule, 0, Outcome::out_of_memory);
    EXPECT_EQ(schedule.free_slots(0), -1) << "three tasks run on two slots";
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    finish(schedule, 1);
    finish(schedule, 2);
    EXPECT_EQ(schedule.schedule_ready().size(), 1U);
    fail(schedule, 3, Outcome::out_of_memory);
    finish(schedule, 0);
    EXPECT_EQ(schedule.schedule_ready().size(), 1U) << "two slots became one";
}

void put_on_two_nodes(Schedule& schedule, int ranks_on_a) {
    for (const Rank rank : IndexRange<Rank>(4))
        schedule.set_host(rank, rank.value() < ranks_on_a ? "a" : "b");
}

TEST(ScheduleTest, AGangRunsOnOneNodeIfItFits) {
    auto schedule = schedule_of({{.ranks = 2, .seconds = 9}}, {.ranks = 4});
    for (const Rank rank : IndexRange<Rank>(4))
        schedule.set_host(rank, rank == 1 || rank == 2 ? "b" : rank == 0 ? "a" : "c");
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {1, 2}}))
        << "not on ranks 0 and 1, of two nodes";
}

TEST(ScheduleTest, AFailedTaskRunsNextOnAnotherNode) {
    auto schedule = schedule_of(std::vector<Sketch>(5), {.ranks = 4});
    put_on_two_nodes(schedule, 2);
    EXPECT_EQ(schedule.schedule_ready().size(), 4U); // task 0 runs on rank 0
    fail(schedule, 0, Outcome::died);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{4, {0}}))
        << "task 0 waits for node b";
    finish(schedule, 3);
    EXPECT_THAT(schedule.schedule_ready(), ElementsAre(Placement{0, {3}}));
    fail(schedule, 0, Outcome::died);
    finish(schedule, 1);
    EXPECT_EQ(schedule.schedule_ready().size(), 1U)
        << "it failed on all nodes, so it may run on any";
}

TEST(ScheduleTest, ABadNodeGetsNoWorkAndItsFailuresAreRefunded) {
    auto schedule = schedule_of(std::vector<Sketch>(100), {.ranks = 4});
    put_on_two_nodes(schedule, 2);
    std::map<TaskIndex, Rank> running;
    std::optional<NodeIndex> bad;
    int failures = 0;
    while (!bad) {
        for (const Placement& placement : schedule.schedule_ready())
            running[placement.task] = placement.ranks.front();
        const auto [task, rank] = *running.begin();
        running.erase(running.begin());
        if (rank >= 2) {
            finish(schedule, task);
            continue;
        }
        const AttemptDecision decision = fail(schedule, task, Outcome::died);
        bad = decision.bad_node;
        if (decision.node_backs_off) schedule.wake_node(*decision.node_backs_off);
        ASSERT_LT(++failures, 20);
    }
    EXPECT_EQ(schedule.node_health().host(*bad), "a");
    for (TaskIndex task = 0; task < 100; ++task)
        EXPECT_EQ(schedule.charged(task), 0) << "task " << task;
    for (const auto& [task, rank] : running)
        rank >= 2 ? finish(schedule, task) : void(fail(schedule, task, Outcome::interrupted));
    while (!schedule.counts().all_ended()) {
        for (const Placement& placement : schedule.schedule_ready()) {
            EXPECT_TRUE(placement.ranks.front() >= 2);
            finish(schedule, placement.task);
        }
    }
    EXPECT_EQ(schedule.counts().done, 100);
}

TEST(ScheduleTest, AGangThatNeedsEveryRankRunsOnABadNodeToo) {
    std::vector<Sketch> tasks{{.ranks = 4, .seconds = 0.5}};
    tasks.resize(40);
    auto schedule = schedule_of(tasks, {.ranks = 4});
    put_on_two_nodes(schedule, 1);
    std::map<TaskIndex, Rank> running;
    while (!schedule.counts().all_ended()) {
        for (const Placement& placement : schedule.schedule_ready())
            running[placement.task] = placement.ranks.front();
        ASSERT_FALSE(running.empty());
        const auto [task, rank] = *running.begin();
        running.erase(running.begin());
        if (rank != 0 || task == 0) {
            finish(schedule, task);
            continue;
        }
        const AttemptDecision decision = fail(schedule, task, Outcome::died);
        if (decision.node_backs_off) schedule.wake_node(*decision.node_backs_off);
    }
    EXPECT_EQ(schedule.counts().done, 40);
}

TEST(ScheduleTest, ReplayedHistoryReportsTheAttemptThatMakesANodeBad) {
    auto schedule = schedule_of(std::vector<Sketch>(10), {.ranks = 2});
    for (const int task : {0, 1, 2})
        EXPECT_FALSE(schedule.replay_history(TaskIndex::from(task), "a", Outcome::died));
    for (const int task : {0, 1})
        EXPECT_FALSE(schedule.replay_history(TaskIndex::from(task), "b", Outcome::done));
    for (const int task : {3, 4})
        EXPECT_FALSE(schedule.replay_history(TaskIndex::from(task), "a", Outcome::died));
    const auto bad = schedule.replay_history(5, "a", Outcome::died);
    ASSERT_TRUE(bad);
    EXPECT_EQ(schedule.node_health().host(*bad), "a");
    EXPECT_FALSE(schedule.replay_history(6, "a", Outcome::died)) << "reported once";
}

TEST(ScheduleTest, AfterStopStartingNothingStarts) {
    auto schedule = schedule_of({{}, {}}, {.ranks = 1});
    EXPECT_EQ(schedule.schedule_ready().size(), 1U);
    schedule.stop_starting();
    fail(schedule, 0, Outcome::interrupted);
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    EXPECT_EQ(schedule.counts(), (TaskCounts{.ready = 2}));
}

TEST(ScheduleTest, OnlyARunningTaskEnds) {
    auto schedule = schedule_of({{}}, {.ranks = 1});
    EXPECT_THROW(schedule.on_ended(0, Outcome::done, "", false), Error);
    schedule.schedule_ready();
    finish(schedule, 0);
    EXPECT_THROW(schedule.on_ended(0, Outcome::done, "", false), Error);
}

TEST(ScheduleTest, AnEmptyPlanHasEndedAtOnce) {
    auto schedule = schedule_of({}, {.ranks = 2});
    EXPECT_THAT(schedule.schedule_ready(), IsEmpty());
    EXPECT_TRUE(schedule.counts().all_ended());
}

} // namespace
} // namespace dagan::launcher
