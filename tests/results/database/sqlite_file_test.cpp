// The SQLite file under adverse conditions: files of other programs, damage, kills at any moment,
// readers beside the writer, and a full disk.
#include "base/error.h"
#include "base/file.h"
#include "results/campaign_support.h"
#include "results/database/raw_database.h"
#include "results/database/schema.h"
#include "results/query/queries.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

namespace dagan::results {
namespace {

using namespace testing;

// Ends the process without running destructors or flushing files.
void die_at_once() { ::kill(::getpid(), SIGKILL); }

// Runs `work`, which ends with die_at_once(), in a child process.
void in_killed_child(const std::function<void()>& work) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        work();
        ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed before it was killed";
}

class SqliteFileTest : public ::testing::Test {
  protected:
    std::filesystem::path path() const { return folder_ / "results.sqlite"; }
    TemporaryFolder folder_;
};

TEST_F(SqliteFileTest, AFileThatIsNotADatabaseIsRefusedAndUnchanged) {
    const std::string text(5000, 'x');
    std::ofstream(path()) << text;
    EXPECT_NE(refusal([&] { open_sqlite_store(path()); }).find("not a results database"),
              std::string::npos);
    EXPECT_NE(refusal([&] { trial_rows(path()); }).find("results.sqlite"), std::string::npos);
    EXPECT_EQ(read_file(path()), text);
}

TEST_F(SqliteFileTest, AnotherProgramsDatabaseIsRefusedAndUnchanged) {
    RawDatabase(path()).execute("CREATE TABLE photo (x)");
    EXPECT_NE(refusal([&] { open_sqlite_store(path()); }).find("another program"),
              std::string::npos);
    EXPECT_NE(refusal([&] { cell_rows(path()); }).find("another program"), std::string::npos);
    EXPECT_EQ(RawDatabase(path()).value("SELECT count(*) FROM sqlite_master"), "1");
}

TEST_F(SqliteFileTest, ANewerSchemaIsRefusedWithItsNumber) {
    open_sqlite_store(path());
    RawDatabase(path()).execute("PRAGMA user_version = 99");
    EXPECT_NE(refusal([&] {
                  open_sqlite_store(path());
              }).find("newer version of this program (schema 99"),
              std::string::npos);
    EXPECT_NE(refusal([&] { trial_rows(path()); }).find("schema 99"), std::string::npos);
}

TEST_F(SqliteFileTest, ADamagedDatabaseIsReportedAsDamaged) {
    {
        const auto store = open_sqlite_store(path());
        store->enter(campaign(), plan_of_seeds(500));
        store->commit();
    }
    {
        std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
        const std::string noise(64 * 1024, '\x5a');
        file.seekp(64 * 1024);
        file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
    }
    EXPECT_NE(refusal([&] { cell_rows(path()); }).find("damaged"), std::string::npos);
}

TEST_F(SqliteFileTest, ReadingAMissingFileIsRefusedAndCreatesNone) {
    EXPECT_NE(refusal([&] { trial_rows(path()); }).find("no results database there"),
              std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(SqliteFileTest, AMissingFolderIsASystemError) {
    EXPECT_NE(refusal([&] { open_sqlite_store(folder_ / "no such folder/results.sqlite"); },
                      Blame::system)
                  .find("no such folder"),
              std::string::npos);
}

TEST_F(SqliteFileTest, APathMayContainSpacesAndEqualSigns) {
    const auto odd = folder_ / "my  campaign = 1; x.sqlite";
    {
        const auto store = open_sqlite_store(odd);
        store->enter(campaign(), plan_of_seeds(1));
        store->commit();
    }
    EXPECT_TRUE(std::filesystem::exists(odd));
    EXPECT_EQ(cell_rows(odd).size(), 1u);
}

TEST_F(SqliteFileTest, CommittedRowsSurviveAKillAndUncommittedRowsDoNot) {
    const auto plan = plan_of_seeds(30);
    in_killed_child([&] {
        const auto store = open_sqlite_store(path());
        store->enter(campaign(), plan);
        for (int i = 0; i < 10; ++i) finish(*store, plan.tasks[i], 800, 700);
        store->commit();
        for (int i = 10; i < 20; ++i) finish(*store, plan.tasks[i], 800, 700);
        die_at_once();
    });
    EXPECT_EQ(trial_rows(path()).size(), 10u);
    const auto store = open_sqlite_store(path());
    store->enter(campaign(), plan);
    EXPECT_EQ(trial_rows(path()).size(), 10u);
    EXPECT_EQ(RawDatabase(path()).value("PRAGMA integrity_check"), "ok");
}

// A small cache makes SQLite write pages of the open transaction into the file, so that the kill
// leaves a hot journal.
TEST_F(SqliteFileTest, AReaderRollsBackTheTransactionOfAKilledWriter) {
    const auto plan = plan_of_seeds(2000);
    {
        const auto store = open_sqlite_store(path());
        store->enter(campaign(), plan);
        finish(*store, plan.tasks[0], 800, 700);
        store->commit();
    }
    in_killed_child([&] {
        RawDatabase db(path());
        db.execute("PRAGMA cache_size = 5");
        db.execute("BEGIN");
        db.execute("DELETE FROM result");
        db.execute("UPDATE task SET spec = spec || hex(zeroblob(2000))");
        die_at_once();
    });
    ASSERT_GT(std::filesystem::file_size(path().string() + "-journal"), 0u)
        << "the test needs an unfinished transaction";
    EXPECT_EQ(trial_rows(path()).size(), 1u);
    EXPECT_EQ(RawDatabase(path()).value("PRAGMA integrity_check"), "ok");
}

TEST_F(SqliteFileTest, AfterAKillAtAnyMomentTheFileHoldsEveryAcknowledgedResult) {
    const auto plan = plan_of_seeds(400);
    for (int round = 0; round < 8; ++round) {
        const auto file = folder_ / ("round" + std::to_string(round) + ".sqlite");
        int acknowledged[2];
        ASSERT_EQ(::pipe(acknowledged), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            const auto store = open_sqlite_store(file);
            store->enter(campaign(), plan);
            for (size_t i = 0; i < plan.tasks.size(); ++i) {
                finish(*store, plan.tasks[i], 800, 700);
                if (i % 4 != 3) continue;
                store->commit();
                const auto done = static_cast<uint32_t>(i + 1);
                if (::write(acknowledged[1], &done, sizeof done) != sizeof done) ::_exit(1);
            }
            ::pause();
        }
        ::close(acknowledged[1]);
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        uint32_t last = 0;
        for (uint32_t done = 0; ::read(acknowledged[0], &done, sizeof done) == sizeof done;)
            last = done;
        ::close(acknowledged[0]);
        if (!std::filesystem::exists(file)) continue;
        const auto store = open_sqlite_store(file);
        store->enter(campaign(), plan);
        store->commit();
        const auto rows = trial_rows(file).size();
        EXPECT_GE(rows, last) << "round " << round;
        EXPECT_EQ(rows % 4, 0u) << "round " << round;
    }
}

TEST_F(SqliteFileTest, AReaderSeesOnlyWholeCommitsWhileTheWriterWrites) {
    const auto plan = plan_of_seeds(600);
    const auto store = open_sqlite_store(path());
    store->enter(campaign(), plan);
    store->commit();
    std::exception_ptr failure;
    size_t last = 0, reads = 0;
    bool grew = true;
    std::jthread reader([&](std::stop_token stop) {
        try {
            while (!stop.stop_requested()) {
                const auto rows = trial_rows(path()).size();
                grew = grew && rows >= last && rows % 4 == 0; // commits are groups of four
                last = rows;
                ++reads;
            }
        } catch (...) {
            failure = std::current_exception();
        }
    });
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
        finish(*store, plan.tasks[i], 800, 700);
        if (i % 4 == 3) store->commit();
    }
    reader.request_stop();
    reader.join();
    if (failure) std::rethrow_exception(failure);
    EXPECT_TRUE(grew);
    EXPECT_GT(reads, 0u);
    EXPECT_EQ(trial_rows(path()).size(), 600u);
}

// Three kinds of readers while the coordinator writes about 1,000 rows/s.
TEST_F(SqliteFileTest, ReadersAndAFastWriterDoNotDisturbEachOther) {
    constexpr int kEpochs = 50, kTrials = 30; // 2 x 50 + 5 rows per trial, one trial per 100 ms
    const auto plan = plan_of_seeds(kTrials);
    const auto store = open_sqlite_store(path());
    store->enter(campaign(), plan);
    store->commit();
    std::mutex mutex;
    std::vector<std::string> errors;
    std::array<int, 3> answers{};
    const std::vector<std::function<void()>> queries{
        [&] { table1_rows(path()); },
        [&] { run_query(path(), "SELECT task, max(validation_correct) FROM epoch GROUP BY task"); },
        // Another program, with a timeout of 5 s.
        [&] {
            RawDatabase db(path());
            db.execute("PRAGMA busy_timeout = 5000");
            db.value("SELECT count(*) FROM curve");
        }};
    std::vector<std::jthread> readers;
    for (size_t i = 0; i < queries.size(); ++i) {
        readers.emplace_back([&, i](std::stop_token stop) {
            while (!stop.stop_requested()) {
                try {
                    queries[i]();
                    ++answers[i];
                } catch (const std::exception& error) {
                    const std::lock_guard lock(mutex);
                    errors.emplace_back(error.what());
                }
            }
        });
    }
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kTrials; ++i) {
        const auto token = store->start_attempt(plan.tasks[i].key, "0", "host");
        EXPECT_TRUE(store->finish_attempt(
            scored(plan.tasks[i].key, token, 800, 700, 1000, 2, kEpochs), true, false));
        store->commit();
        std::this_thread::sleep_until(start + std::chrono::milliseconds(100) * (i + 1));
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (auto& reader : readers) reader.request_stop();
    readers.clear();
    for (const auto& error : errors) ADD_FAILURE() << error;
    for (const int count : answers) EXPECT_GT(count, 0);
    EXPECT_EQ(trial_rows(path()).size(), static_cast<size_t>(kTrials));
    std::printf("%.0f rows/s written; meanwhile %d, %d and %d answers\n",
                kTrials * (2 * kEpochs + 5) / seconds, answers[0], answers[1], answers[2]);
}

// A limit on the file size simulates a full disk: the write fails in the same place.
TEST_F(SqliteFileTest, AFullDiskIsASystemErrorAndLosesNoCommittedRow) {
    const auto plan = plan_of_seeds(2000);
    {
        const auto store = open_sqlite_store(path());
        store->enter(campaign(), Plan{{plan.tasks[0]}});
        finish(*store, plan.tasks[0], 800, 700);
        store->commit();
    }
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{600 * 1024, 600 * 1024};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
            const auto store = open_sqlite_store(path());
            store->enter(campaign(), plan);
            store->commit();
        } catch (const Error& error) {
            ::_exit(error.blame() == Blame::system ? 42 : 43);
        }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 42);
    EXPECT_EQ(trial_rows(path()).size(), 1u);
    EXPECT_EQ(cell_rows(path()).at(0).seeds, 1);
}

} // namespace
} // namespace dagan::results
