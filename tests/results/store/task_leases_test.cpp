// Leases between allocations: threads and processes that claim at once, and one that dies with what it holds.
#include "results/store/task_leases.h"

#include "base/error.h"
#include "results/campaign_support.h"
#include "results/postgresql_server.h"

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace dagan::results {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr auto kLong = 10min; // a lease that does not expire within a test

std::vector<std::string> tasks_of(const std::vector<TaskLease>& claims) {
    std::vector<std::string> tasks;
    for (const auto& claim : claims) tasks.push_back(claim.task);
    return tasks;
}

class ClaimsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!PostgresqlServer::shared()) GTEST_SKIP() << "PostgreSQL is not installed here";
        location_ = PostgresqlServer::shared()->new_schema();
    }
    // Enters `count` tasks; their keys.
    std::vector<std::string> enter(int count) {
        Plan plan;
        std::vector<std::string> keys;
        for (int seed = 0; seed < count; ++seed) {
            plan.tasks.push_back(planned(classifier("omniglot", 5, 0, seed)));
            keys.push_back(plan.tasks.back().key);
        }
        const auto store = open_store(location_);
        store->enter(campaign(), plan);
        store->commit();
        return keys;
    }
    Location location_ = "";
};

TEST_F(ClaimsTest, AreTakenInTheOrderAskedForAndPassByWhatOthersHold) {
    const auto keys = enter(4);
    TaskLeases first(location_, "first", kLong), second(location_, "second", kLong);
    const std::vector<std::string> wish{keys[2], keys[0], keys[3]};
    EXPECT_EQ(tasks_of(first.acquire(wish, 2)), (std::vector<std::string>{keys[2], keys[0]}));
    EXPECT_EQ(tasks_of(second.acquire(wish, 2)), (std::vector<std::string>{keys[3]}));
    EXPECT_TRUE(first.acquire(wish, 1).empty()) << "nor what it holds itself";
}

TEST_F(ClaimsTest, WhatIsGivenBackIsAnybodys) {
    const auto keys = enter(2);
    TaskLeases first(location_, "first", kLong), second(location_, "second", kLong);
    const auto before = first.acquire(keys, 2);
    second.release(keys[1]); // not its own to give
    first.release(keys[0]);
    const auto after = second.acquire(keys, 2);
    ASSERT_EQ(tasks_of(after), (std::vector<std::string>{keys[0]}));
    EXPECT_GT(after[0].token, std::max(before[0].token, before[1].token));
}

// Allocation 1 is at its third run, and allocation 11 is another one.
TEST_F(ClaimsTest, WhatEarlierRunsOfAnAllocationHeldIsFreeAtOnce) {
    const auto keys = enter(4);
    TaskLeases earlier(location_, "1.2", kLong), other(location_, "11.2", kLong),
        present(location_, "1.3", kLong);
    ASSERT_EQ(earlier.acquire(std::vector{keys[0], keys[1]}, 2).size(), 2u);
    ASSERT_EQ(other.acquire(std::vector{keys[2]}, 1).size(), 1u);
    ASSERT_EQ(present.acquire(std::vector{keys[3]}, 1).size(), 1u);
    present.release_those_of("1.");
    EXPECT_EQ(tasks_of(present.acquire(keys, 4)), (std::vector<std::string>{keys[0], keys[1]}));
    EXPECT_TRUE(earlier.renew().empty());
    EXPECT_EQ(other.renew().size(), 1u);
    EXPECT_EQ(present.renew().size(), 3u);
}

TEST_F(ClaimsTest, TellWhatOthersHoldAndWhatHasEnded) {
    const auto keys = enter(4);
    TaskLeases me(location_, "me", kLong), other(location_, "other", kLong);
    me.acquire(std::vector{keys[0]}, 1);
    other.acquire(std::vector{keys[1], keys[2]}, 2);
    other.release(keys[2]);
    const auto store = open_store(location_);
    store->enter(campaign(), plan_of_seeds(4));
    for (const auto& [key, final] : {std::pair{keys[3], true}, {keys[2], false}})
        store->finish_attempt(ended(key, store->start_attempt(key, "0", "node"), Outcome::died),
                              final, false);
    EXPECT_TRUE(me.peers().ended.empty()) << "before it was committed";
    store->commit();
    EXPECT_EQ(me.peers().held, (std::vector{keys[1]}));
    EXPECT_EQ(me.peers().ended, (std::vector{keys[3]}));
}

TEST_F(ClaimsTest, ALeaseThatExpiredIsLostAndItsHolderIsTold) {
    const auto keys = enter(2);
    TaskLeases slow(location_, "slow", 50ms), quick(location_, "quick", kLong);
    ASSERT_EQ(slow.acquire(keys, 2).size(), 2u);
    std::vector<TaskLease> taken;
    while (taken.empty())
        taken = quick.acquire(std::vector<std::string>{keys[0]}, 1); // until the lease is over
    slow.release(keys[0]);
    EXPECT_TRUE(slow.acquire(std::vector<std::string>{keys[0]}, 1).empty())
        << "it cannot give away what is another's";
    for (const auto& claim : slow.renew()) EXPECT_NE(claim.task, keys[0]);
    EXPECT_EQ(tasks_of(quick.renew()), (std::vector<std::string>{keys[0]}));
}

TEST_F(ClaimsTest, RenewingKeepsALease) {
    const auto keys = enter(1);
    TaskLeases holder(location_, "holder", 400ms), other(location_, "other", kLong);
    ASSERT_EQ(holder.acquire(keys, 1).size(), 1u);
    for (int i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(40ms);
        // On a machine so busy that 400 ms pass between two renewals the lease may truly be lost; then both sides must know.
        if (holder.renew().empty()) {
            std::printf("more than 400 ms between two renewals: the lease was truly lost\n");
            EXPECT_EQ(other.acquire(keys, 1).size(), 1u);
            return;
        }
        ASSERT_TRUE(other.acquire(keys, 1).empty());
    }
}

TEST_F(ClaimsTest, ThreadsThatClaimAtOnceNeverHoldTheSameTask) {
    const auto keys = enter(300);
    std::mutex mutex;
    std::map<std::string, int> taken;
    std::set<int64_t> fences;
    std::vector<std::thread> claimers;
    for (int i = 0; i < 4; ++i) {
        claimers.emplace_back([&, i] {
            TaskLeases claims(location_, "claimer" + std::to_string(i), kLong);
            // A claimer that finds nothing may have met only rows that others were about to take: it looks twice.
            for (int nothing = 0; nothing < 2;) {
                const auto got = claims.acquire(keys, 3);
                nothing = got.empty() ? nothing + 1 : 0;
                const std::lock_guard lock(mutex);
                for (const auto& claim : got) {
                    ++taken[claim.task];
                    EXPECT_TRUE(fences.insert(claim.token).second);
                }
            }
        });
    }
    for (auto& claimer : claimers) claimer.join();
    EXPECT_EQ(taken.size(), keys.size());
    for (const auto& [task, times] : taken) EXPECT_EQ(times, 1) << task;
}

// Two processes; one is killed while it holds tasks. What it left behind is claimed by the other once its leases are over, and in
// the end every task was finished once.
TEST_F(ClaimsTest, WhatAKilledProcessHeldIsFinishedByAnother) {
    const auto keys = enter(60);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t doomed = ::fork();
    ASSERT_GE(doomed, 0);
    if (doomed == 0) {
        TaskLeases claims(location_, "doomed", 300ms);
        claims.acquire(keys, 10);
        if (::write(ready[1], "x", 1) != 1) ::_exit(1);
        for (;;) claims.renew();
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    TaskLeases survivor(location_, "survivor", kLong);
    std::multiset<std::string> finished;
    const auto work = [&] {
        for (const auto& claim : survivor.acquire(keys, 7))
            finished.insert(claim.task); // and holds them to the end
    };
    for (int i = 0; i < 10; ++i) work();
    EXPECT_EQ(finished.size(), 50u) << "the other's ten are left alone while it lives";
    ::kill(doomed, SIGKILL);
    ::waitpid(doomed, nullptr, 0);
    while (finished.size() < keys.size()) work();
    EXPECT_EQ(std::set<std::string>(finished.begin(), finished.end()).size(), keys.size());
    work();
    EXPECT_EQ(finished.size(), keys.size());
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST(ClaimsOnSqliteTest, AreRefusedWithTheAdvice) {
    try {
        TaskLeases("results.sqlite", "me", kLong);
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
        EXPECT_NE(std::string(error.what()).find("postgresql://"), std::string::npos);
    }
}

} // namespace
} // namespace dagan::results
