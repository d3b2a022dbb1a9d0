// Leases between allocations: threads and processes that acquire at once, and a process that is
// killed while it holds leases.
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

std::vector<std::string> tasks_of(const std::vector<TaskLease>& leases) {
    std::vector<std::string> tasks;
    for (const auto& lease : leases) tasks.push_back(lease.task);
    return tasks;
}

class TaskLeasesTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!PostgresqlServer::shared()) GTEST_SKIP() << "PostgreSQL is not installed here";
        location_ = PostgresqlServer::shared()->new_schema();
    }
    // Enters `count` tasks and returns their keys.
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

TEST_F(TaskLeasesTest, FreeTasksAreAcquiredInTheRequestedOrder) {
    const auto keys = enter(4);
    TaskLeases first(location_, "first", kLong), second(location_, "second", kLong);
    const std::vector<std::string> wanted{keys[2], keys[0], keys[3]};
    EXPECT_EQ(tasks_of(first.acquire(wanted, 2)), (std::vector<std::string>{keys[2], keys[0]}));
    EXPECT_EQ(tasks_of(second.acquire(wanted, 2)), (std::vector<std::string>{keys[3]}));
    EXPECT_TRUE(first.acquire(wanted, 1).empty()) << "not even its own";
}

TEST_F(TaskLeasesTest, AReleasedTaskIsFree) {
    const auto keys = enter(2);
    TaskLeases first(location_, "first", kLong), second(location_, "second", kLong);
    const auto before = first.acquire(keys, 2);
    second.release(keys[1]); // no effect: the first holds it
    first.release(keys[0]);
    const auto after = second.acquire(keys, 2);
    ASSERT_EQ(tasks_of(after), (std::vector<std::string>{keys[0]}));
    EXPECT_GT(after[0].token, std::max(before[0].token, before[1].token));
}

// The third run of allocation 1; allocation 11 is a different one.
TEST_F(TaskLeasesTest, TasksOfEarlierRunsOfAnAllocationCanBeReleased) {
    const auto keys = enter(4);
    TaskLeases earlier(location_, "1.2", kLong), other(location_, "11.2", kLong),
        present(location_, "1.3", kLong);
    ASSERT_EQ(earlier.acquire(std::vector{keys[0], keys[1]}, 2).size(), 2u);
    ASSERT_EQ(other.acquire(std::vector{keys[2]}, 1).size(), 1u);
    ASSERT_EQ(present.acquire(std::vector{keys[3]}, 1).size(), 1u);
    present.release_by_owner_prefix("1.");
    EXPECT_EQ(tasks_of(present.acquire(keys, 4)), (std::vector<std::string>{keys[0], keys[1]}));
    EXPECT_TRUE(earlier.renew().empty());
    EXPECT_EQ(other.renew().size(), 1u);
    EXPECT_EQ(present.renew().size(), 3u);
}

TEST_F(TaskLeasesTest, PeersReportsHeldAndEndedTasks) {
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
    EXPECT_TRUE(me.peers().ended.empty()) << "not committed yet";
    store->commit();
    EXPECT_EQ(me.peers().held, (std::vector{keys[1]}));
    EXPECT_EQ(me.peers().ended, (std::vector{keys[3]}));
}

TEST_F(TaskLeasesTest, TheOwnerOfAnExpiredLeaseLearnsThatItIsLost) {
    const auto keys = enter(2);
    TaskLeases slow(location_, "slow", 50ms), quick(location_, "quick", kLong);
    ASSERT_EQ(slow.acquire(keys, 2).size(), 2u);
    std::vector<TaskLease> taken;
    while (taken.empty()) // until the lease expires
        taken = quick.acquire(std::vector<std::string>{keys[0]}, 1);
    slow.release(keys[0]);
    EXPECT_TRUE(slow.acquire(std::vector<std::string>{keys[0]}, 1).empty())
        << "release() has no effect on a peer's lease";
    for (const auto& lease : slow.renew()) EXPECT_NE(lease.task, keys[0]);
    EXPECT_EQ(tasks_of(quick.renew()), (std::vector<std::string>{keys[0]}));
}

TEST_F(TaskLeasesTest, ARenewedLeaseDoesNotExpire) {
    const auto keys = enter(1);
    TaskLeases owner(location_, "owner", 400ms), other(location_, "other", kLong);
    ASSERT_EQ(owner.acquire(keys, 1).size(), 1u);
    for (int i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(40ms);
        // On a busy machine, 400 ms may pass between two renewals. The lease is then lost, and both
        // sides must know it.
        if (owner.renew().empty()) {
            std::printf("more than 400 ms between two renewals: the lease was lost\n");
            EXPECT_EQ(other.acquire(keys, 1).size(), 1u);
            return;
        }
        ASSERT_TRUE(other.acquire(keys, 1).empty());
    }
}

TEST_F(TaskLeasesTest, ThreadsNeverHoldTheSameTask) {
    const auto keys = enter(300);
    std::mutex mutex;
    std::map<std::string, int> taken;
    std::set<int64_t> tokens;
    std::vector<std::thread> owners;
    for (int i = 0; i < 4; ++i) {
        owners.emplace_back([&, i] {
            TaskLeases leases(location_, "owner" + std::to_string(i), kLong);
            // An empty answer may only mean that other transactions held the rows: try twice.
            for (int failures = 0; failures < 2;) {
                const auto acquired = leases.acquire(keys, 3);
                failures = acquired.empty() ? failures + 1 : 0;
                const std::lock_guard lock(mutex);
                for (const auto& lease : acquired) {
                    ++taken[lease.task];
                    EXPECT_TRUE(tokens.insert(lease.token).second);
                }
            }
        });
    }
    for (auto& owner : owners) owner.join();
    EXPECT_EQ(taken.size(), keys.size());
    for (const auto& [task, times] : taken) EXPECT_EQ(times, 1) << task;
}

// One of two processes is killed while it holds tasks. The other acquires them when the leases have
// expired; in the end, every task was finished once.
TEST_F(TaskLeasesTest, TheTasksOfAKilledProcessAreFinishedByAnother) {
    const auto keys = enter(60);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t doomed = ::fork();
    ASSERT_GE(doomed, 0);
    if (doomed == 0) {
        TaskLeases leases(location_, "doomed", 300ms);
        leases.acquire(keys, 10);
        if (::write(ready[1], "x", 1) != 1) ::_exit(1);
        for (;;) leases.renew();
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    TaskLeases survivor(location_, "survivor", kLong);
    std::multiset<std::string> finished;
    const auto work = [&] {
        // Leases are held until the end of the test.
        for (const auto& lease : survivor.acquire(keys, 7)) finished.insert(lease.task);
    };
    for (int i = 0; i < 10; ++i) work();
    EXPECT_EQ(finished.size(), 50u) << "ten tasks are held by the other process while it lives";
    ::kill(doomed, SIGKILL);
    ::waitpid(doomed, nullptr, 0);
    while (finished.size() < keys.size()) work();
    EXPECT_EQ(std::set<std::string>(finished.begin(), finished.end()).size(), keys.size());
    work();
    EXPECT_EQ(finished.size(), keys.size());
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST(TaskLeasesOnSqliteTest, ASqliteFileIsRefusedWithAHint) {
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
