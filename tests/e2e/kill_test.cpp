// Any process of a campaign may be killed at any time. Restarted by the user or by the supervisor,
// the campaign gives the rows of an undisturbed one.
#include "e2e/sandbox.h"

namespace dagan {
namespace {

using testing::HasSubstr;

// Long enough for a test to hit a task in the middle.
const Args kLonger{"gan.iterations=40", "classifier.epochs=12"};
constexpr int kClassifiers = 8;
constexpr int kTasks = 1 + 1 + 2 + kClassifiers;

class KillTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        sandbox().make_strokes();
        const fs::path quiet = sandbox().campaign("quiet");
        const Finished finished = sandbox().dagan(run_args(kSmoke, quiet, 2, kLonger));
        ASSERT_EQ(finished.exit_code, 0) << finished.text();
        undisturbed_rows() = sandbox().rows(quiet);
        ASSERT_EQ(lines_in(undisturbed_rows()), 1 + kClassifiers);
    }
    static std::string& undisturbed_rows() {
        static std::string rows;
        return rows;
    }

    Args args() const { return run_args(kSmoke, campaign_, 2, kLonger); }
    Process start() const { return Process(sandbox_.command(args()), sandbox_.setting()); }

    bool wait_for_done(Process& run, int tasks) const {
        return eventually([&] { return !run.running() || tasks_done(campaign_) >= tasks; }) &&
               run.running();
    }
    // Returns the restarts in the running job's snapshot; -1 before the first snapshot.
    int restarts() const {
        if (!fs::exists(campaign_ / "status.json")) return -1;
        const Json status = Json::parse(read_file(campaign_ / "status.json"), nullptr, false);
        return status.is_object() ? status.at("restarts").get<int>() : -1;
    }
    void kill_all(const std::string& program = "") const {
        for (const pid_t pid : processes_of(campaign_, program)) ::kill(pid, SIGKILL);
    }
    // Expects the rows of the undisturbed run, every task finished once, and no process left.
    void expect_undisturbed() const {
        EXPECT_EQ(sandbox_.rows(campaign_), undisturbed_rows());
        EXPECT_EQ(sandbox_.count(campaign_, "attempt WHERE final = 1"), kTasks);
        EXPECT_EQ(
            sandbox_.count(campaign_, "(SELECT task FROM attempt WHERE final = 1 GROUP BY task)"),
            kTasks);
        EXPECT_TRUE(no_process_left(campaign_));
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
        sandbox().campaign(testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(KillTest, EverythingKilledAndStartedAgain) {
    // At the start (-1), while the DAGAN trains, and between classifiers.
    for (const int done : {-1, 0, 3, 6}) {
        Process run = start();
        if (done < 0)
            ASSERT_TRUE(
                eventually([&] { return !processes_of(campaign_, "dagan-worker").empty(); }));
        else if (!wait_for_done(run, done))
            break; // the campaign finished first
        kill_all();
        EXPECT_EQ(run.wait().signal, SIGKILL);
        EXPECT_TRUE(no_process_left(campaign_));
    }
    const Finished again = sandbox_.dagan(args());
    EXPECT_EQ(again.exit_code, 0) << again.text();
    EXPECT_GE(sandbox_.count(campaign_, "attempt WHERE outcome = 'lost'"), 1)
        << "no task was running when it was killed";
    expect_undisturbed();
}

TEST_F(KillTest, TrainersKilledOneByOne) {
    Process run = start();
    // Few enough that one task survives all of them within its attempt budget.
    for (int kills = 0; kills < 4; ++kills) {
        ASSERT_TRUE(eventually([&] { return !run.running() || is_training_dagan(campaign_); }));
        const pid_t trainer = busiest_trainer(run, campaign_);
        if (trainer == 0) break; // the campaign finished first
        ::kill(trainer, SIGKILL);
    }
    const Finished finished = run.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    EXPECT_GE(sandbox_.count(campaign_, "attempt WHERE outcome = 'died'"), 1)
        << "no trainer was killed during a task";
    const Json status =
        Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("restarts"), 0) << "the death of a trainer must not restart the job";
    expect_undisturbed();
}

TEST_F(KillTest, MpirunKilled) {
    Process run = start();
    ASSERT_TRUE(wait_for_done(run, 1));
    kill_all("mpirun");
    const Finished finished = run.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    const Json status =
        Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("restarts"), 1);
    expect_undisturbed();
}

// Each rank is an agent with a child process, the spawner of its trainers. When one rank dies,
// mpirun sends the others SIGTERM, which must not count as a requested stop.
TEST_F(KillTest, AnAgentAndASpawnerKilled) {
    Process run = start();
    for (const bool spawner : {false, true}) {
        // The second kill waits for the restarted job; the first job may not have ended yet.
        ASSERT_TRUE(eventually([&] { return restarts() == (spawner ? 1 : 0); }));
        ASSERT_TRUE(eventually([&] { return is_training_dagan(campaign_); }))
            << "the DAGAN is already done";
        const auto ranks = processes_of(campaign_, "dagan-worker");
        const auto victim = std::find_if(ranks.rbegin(), ranks.rend(), [&](pid_t pid) {
            return spawner == std::count(ranks.begin(), ranks.end(), parent_of(pid));
        });
        ASSERT_NE(victim, ranks.rend());
        ::kill(*victim, SIGKILL);
    }
    const Finished finished = run.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    const Json status =
        Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("restarts"), 2);
    expect_undisturbed();
}

TEST_F(KillTest, KillingTheSupervisorEndsAllProcesses) {
    Process run = start();
    ASSERT_TRUE(wait_for_done(run, 1));
    run.kill(SIGKILL);
    run.wait();
    EXPECT_TRUE(no_process_left(campaign_));
    const Json status =
        Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("state"), "stopped");
    EXPECT_EQ(sandbox_.dagan(args()).exit_code, 0);
    expect_undisturbed();
}

TEST_F(KillTest, StoppedByASignalAndByCommand) {
    Process first = start();
    ASSERT_TRUE(wait_for_done(first, 1));
    first.kill(SIGUSR1);
    const Finished stopped = first.wait();
    EXPECT_EQ(stopped.exit_code, 75) << stopped.text();
    EXPECT_TRUE(no_process_left(campaign_));
    EXPECT_EQ(Json::parse(sandbox_.output({"status", campaign_.string(), "--format", "json"}))
                  .at("state"),
              "stopped");

    Process second = start();
    ASSERT_TRUE(eventually([&] { return !second.running() || is_training_dagan(campaign_); }));
    EXPECT_EQ(sandbox_.dagan({"stop", campaign_.string()}).exit_code, 0);
    EXPECT_EQ(second.wait().exit_code, 75);
    EXPECT_EQ(sandbox_.count(campaign_, "attempt WHERE outcome = 'interrupted' AND charged = 1"), 0)
        << "a stop must not charge the attempt budget";
    const Finished resumed = sandbox_.dagan(args());
    EXPECT_EQ(resumed.exit_code, 0) << resumed.text();
    expect_undisturbed();
}

} // namespace
} // namespace dagan
