// Two runs of one campaign at the same time, on a PostgreSQL server that the test starts. One of
// them is killed, frozen or stopped. The rows must equal those of an undisturbed run on SQLite,
// byte for byte, and every task must count once.
#include "e2e/disturbed.h"
#include "results/postgresql_server.h"

#include <memory>
#include <optional>
#include <sstream>

namespace dagan {
namespace {

using dagan::results::testing::PostgresqlServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Long enough for a test to hit the DAGAN in the middle of its training.
const Args kLonger{"gan.iterations=80", "classifier.epochs=12"};
constexpr int kTasks = 1 + 1 + 2 + 8;

class AllocationsTest : public DisturbedTest {
  protected:
    void SetUp() override {
        if (!PostgresqlServer::shared()) GTEST_SKIP() << "PostgreSQL is not installed here";
        url_ = PostgresqlServer::shared()->new_schema().url();
    }
    // Short leases keep the tests short. A lease that expires under a live allocation must do no
    // harm.
    Args args() const {
        return run_args(kSmoke, campaign_, 2, kLonger) + Args{"--store", url_, "--lease", "5"};
    }
    std::unique_ptr<Process> start() const {
        return std::make_unique<Process>(sandbox_.command(args()), sandbox_.setting());
    }

    fs::path allocation_dir(int allocation) const {
        return allocation == 1 ? campaign_ : campaign_ / "allocations" / std::to_string(allocation);
    }
    Json snapshot(int allocation) const {
        const fs::path path = allocation_dir(allocation) / "status.json";
        const Json status =
            fs::exists(path) ? Json::parse(read_file(path), nullptr, false) : Json();
        return status.is_object() && status.at("state") == "running"
                   ? status
                   : Json{{"running", Json::array()}};
    }
    // Returns the allocation whose snapshot shows the DAGAN in the first half of its steps.
    std::optional<int> allocation_training_dagan() const {
        for (const int allocation : {1, 2}) {
            const Json status = snapshot(allocation);
            for (const Json& task : status.at("running")) {
                const bool in_first_half =
                    task.at("step").get<int>() > 0 &&
                    2 * task.at("step").get<int>() < task.at("steps").get<int>();
                if (in_first_half && task.at("label").get<std::string>().starts_with("gan "))
                    return allocation;
            }
        }
        return std::nullopt;
    }
    pid_t owner_pid(int allocation) const {
        std::string host;
        pid_t pid = 0;
        std::istringstream(read_file(allocation_dir(allocation) / "holder")) >> host >> pid;
        return pid;
    }
    // Two allocations; `training` runs the DAGAN.
    struct TwoRuns {
        std::unique_ptr<Process> training, other;
    };
    TwoRuns start_two_runs() const {
        TwoRuns runs{start(), start()};
        std::optional<int> allocation;
        EXPECT_TRUE(eventually([&] {
            return (allocation = allocation_training_dagan()).has_value() &&
                   fs::exists(allocation_dir(2) / "status.json");
        }));
        if (allocation && runs.training->pid() != owner_pid(*allocation))
            std::swap(runs.training, runs.other);
        EXPECT_TRUE(allocation && runs.training->pid() == owner_pid(*allocation));
        return runs;
    }
    std::vector<pid_t> processes_below(const Process& supervisor) const {
        std::vector<pid_t> below = processes_of(campaign_);
        std::erase_if(below, [&](pid_t pid) {
            while (pid > 1 && pid != supervisor.pid()) pid = parent_of(pid);
            return pid != supervisor.pid();
        });
        return below;
    }
    void expect_finished(Process& run) const {
        const Finished finished = run.wait();
        EXPECT_EQ(finished.exit_code, 0) << finished.text();
    }
    void expect_each_task_counted_once() const {
        expect_undisturbed(campaign_, kLonger);
        EXPECT_EQ(sandbox_.count(campaign_, "attempt WHERE final = 1"), kTasks);
        EXPECT_EQ(
            sandbox_.count(campaign_,
                           "(SELECT task FROM attempt WHERE final = 1 GROUP BY task) AS ended"),
            kTasks);
        EXPECT_EQ(sandbox_.count(campaign_, "claim WHERE expires > now()"), 0)
            << "a lease was not released";
        if (!HasFailure()) return;
        std::printf(
            "%s\n",
            sandbox_
                .dagan({"results", "query", campaign_.string(),
                        "SELECT token, task, started, ended, outcome, final, error FROM attempt"})
                .out.c_str());
    }

    Sandbox& sandbox_ = sandbox();
    fs::path campaign_ =
        sandbox().campaign(::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::string url_;
};

TEST_F(AllocationsTest, OneIsKilledDuringTheDaganAndTheOtherFinishes) {
    TwoRuns runs = start_two_runs();
    runs.training->kill(SIGKILL);
    EXPECT_EQ(runs.training->wait().signal, SIGKILL);
    expect_finished(*runs.other);
    EXPECT_GE(sandbox_.count(campaign_, "attempt WHERE outcome = 'lost'"), 1)
        << "no task was running when its allocation was killed";
    expect_each_task_counted_once();
    EXPECT_FALSE(fs::exists(campaign_ / "results.sqlite"));
}

TEST_F(AllocationsTest, OneLeavesAndAnotherJoins) {
    TwoRuns runs = start_two_runs();
    runs.training->kill(SIGUSR1);
    const Finished stopped = runs.training->wait();
    EXPECT_EQ(stopped.exit_code, 75) << stopped.text();
    EXPECT_TRUE(runs.other->running()) << "the signal must stop only one allocation";
    auto joined = start();
    expect_finished(*runs.other);
    expect_finished(*joined);
    EXPECT_EQ(sandbox_.count(campaign_, "attempt WHERE outcome = 'lost'"), 0)
        << "a stopped allocation releases its tasks; none is lost";
    expect_each_task_counted_once();
}

TEST_F(AllocationsTest, OneIsFrozenForLongerThanItsLeasesAndResumes) {
    TwoRuns runs = start_two_runs();
    const auto frozen = processes_below(*runs.training);
    ASSERT_GT(frozen.size(), 4U);
    for (const pid_t pid : frozen) ::kill(pid, SIGSTOP);
    const auto dagans = [&] {
        return sandbox_.count(campaign_,
                              "attempt a JOIN task t ON t.key = a.task WHERE t.kind = 'gan'");
    };
    EXPECT_TRUE(eventually([&] { return dagans() >= 2; }))
        << "the other allocation did not take over the DAGAN";
    for (const pid_t pid : frozen) ::kill(pid, SIGCONT);
    expect_finished(*runs.other);
    expect_finished(*runs.training);
    expect_each_task_counted_once();
}

TEST_F(AllocationsTest, AJobThatDiesIsRestartedInItsAllocationWithoutWaitingForItsOwnLeases) {
    auto run = std::make_unique<Process>(sandbox_.command(run_args(kSmoke, campaign_, 2, kLonger) +
                                                          Args{"--store", url_, "--lease", "3600"}),
                                         sandbox_.setting());
    ASSERT_TRUE(eventually([&] { return allocation_training_dagan().has_value(); }));
    for (const pid_t pid : processes_of(campaign_, "mpirun")) ::kill(pid, SIGKILL);
    expect_finished(*run);
    EXPECT_EQ(Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}))
                  .at("restarts"),
              1);
    expect_each_task_counted_once();
}

TEST_F(AllocationsTest, EveryCommandTreatsThemAsOneCampaign) {
    TwoRuns runs = start_two_runs();
    const std::string live = sandbox_.output({"status", campaign_.string()});
    EXPECT_THAT(live, AllOf(HasSubstr("smoke: running"), HasSubstr("gan strokes")));
    EXPECT_THAT(sandbox_.output({"explain", campaign_.string(), "gan strokes"}),
                HasSubstr("is running on rank"));
    const Finished stop = sandbox_.dagan({"stop", campaign_.string()});
    EXPECT_EQ(stop.exit_code, 0) << stop.text();
    EXPECT_EQ(runs.training->wait().exit_code, 75) << "`dagan stop` stops all allocations";
    EXPECT_EQ(runs.other->wait().exit_code, 75);
    const Json stopped =
        Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(stopped.at("state"), "stopped");
    EXPECT_EQ(stopped.at("tasks").at("running"), 0);
    EXPECT_GE(sandbox_.count(campaign_, "attempt WHERE ranks LIKE '2:%'"), 1)
        << "ranks carry the number of their allocation";

    // Without --store: the campaign remembers where its results are.
    const Finished again = sandbox_.dagan(run_args(kSmoke, campaign_, 2, kLonger));
    EXPECT_EQ(again.exit_code, 0) << again.text();
    expect_each_task_counted_once();
    EXPECT_EQ(Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}))
                  .at("state"),
              "finished");
    EXPECT_THAT(sandbox_.output({"explain", campaign_.string(), "gan strokes"}),
                AllOf(HasSubstr("is done"), HasSubstr("cost so far")));
    EXPECT_THAT(sandbox_.output({"logs", campaign_.string(), "gan strokes"}), HasSubstr("begins"));
    EXPECT_THAT(sandbox_.output({"results", "table1", campaign_.string()}), HasSubstr("strokes"));
    EXPECT_THAT(sandbox_.output({"results", "report", campaign_.string()}),
                HasSubstr("index.html"));
    EXPECT_TRUE(fs::exists(campaign_ / "report" / "index.html"));
    EXPECT_THAT(
        sandbox_.output({"reproduce", campaign_.string(), "classifier strokes n=1 m=2 seed=0"}),
        HasSubstr("equal"));
    EXPECT_EQ(sandbox_.dagan({"stop", campaign_.string()}).exit_code, 2) << "no run to stop";
    for (const char* file_command : {"check", "upgrade", "salvage"}) {
        const Finished refused = sandbox_.dagan({"results", file_command, campaign_.string()});
        EXPECT_EQ(refused.exit_code, 2) << file_command;
        EXPECT_THAT(refused.err, HasSubstr("pg_dump")) << file_command;
    }
}

TEST_F(AllocationsTest, AnotherStoreOrFolderIsRefusedWithTheReason) {
    const Finished first = sandbox_.dagan(run_args(kSmoke, campaign_, 2) + Args{"--store", url_});
    ASSERT_EQ(first.exit_code, 0) << first.text();
    const std::string other_url = PostgresqlServer::shared()->new_schema().url();
    const Finished store =
        sandbox_.dagan(run_args(kSmoke, campaign_, 2) + Args{"--store", other_url});
    EXPECT_EQ(store.exit_code, 2);
    EXPECT_THAT(store.err,
                AllOf(HasSubstr("store: the results of this campaign are in"), HasSubstr("hint")));
    const Finished folder =
        sandbox_.dagan(run_args(kSmoke, sandbox_.campaign("elsewhere"), 2) + Args{"--store", url_});
    EXPECT_EQ(folder.exit_code, 2);
    EXPECT_THAT(folder.err, HasSubstr("in another folder"));
    const Finished secret = sandbox_.dagan(run_args(kSmoke, sandbox_.campaign("secret"), 2) +
                                           Args{"--store", "postgresql://me:tell@host/base"});
    EXPECT_EQ(secret.exit_code, 2);
    EXPECT_THAT(secret.err, HasSubstr(".pgpass"));
    EXPECT_FALSE(fs::exists(sandbox_.campaign("secret")));
    const Finished nonsense = sandbox_.dagan(run_args(kSmoke, sandbox_.campaign("nonsense"), 2) +
                                             Args{"--store", "mysql://host/base"});
    EXPECT_EQ(nonsense.exit_code, 2);
    EXPECT_THAT(nonsense.err, HasSubstr("postgresql://"));
}

} // namespace
} // namespace dagan
