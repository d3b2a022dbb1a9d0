// Kill anything at any time: run again, or going on by itself, a campaign gives the very rows of one that nobody disturbed.
#include "e2e/laboratory.h"

namespace dagan {
namespace {

using testing::HasSubstr;

// Long enough to be hit in the middle.
const Words kLonger{"gan.iterations=40", "classifier.epochs=12"};
constexpr int kClassifiers = 8;
constexpr int kTasks = 1 + 1 + 2 + kClassifiers;

class KillTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        laboratory().need_strokes();
        const fs::path quiet = laboratory().campaign("quiet");
        const Finished finished = laboratory().dagan(run_words(kSmoke, quiet, 2, kLonger));
        ASSERT_EQ(finished.exit_code, 0) << finished.text();
        undisturbed_rows() = laboratory().rows(quiet);
        ASSERT_EQ(lines_in(undisturbed_rows()), 1 + kClassifiers);
    }
    static std::string& undisturbed_rows() {
        static std::string rows;
        return rows;
    }

    Words words() const { return run_words(kSmoke, campaign_, 2, kLonger); }
    Process start() const { return Process(lab_.command(words()), lab_.setting()); }

    bool wait_for_done(Process& run, int tasks) const {
        return comes_true([&] { return !run.running() || tasks_done(campaign_) >= tasks; }) &&
               run.running();
    }
    // As the job that runs says in its snapshot; -1 before its first.
    int restarts() const {
        if (!fs::exists(campaign_ / "status.json")) return -1;
        const Json status = Json::parse(read_file(campaign_ / "status.json"), nullptr, false);
        return status.is_object() ? status.at("restarts").get<int>() : -1;
    }
    void kill_all(const std::string& program = "") const {
        for (const pid_t pid : processes_of(campaign_, program)) ::kill(pid, SIGKILL);
    }
    // As if nothing had happened: the same rows, every task ended once, nothing left running.
    void expect_undisturbed() const {
        EXPECT_EQ(lab_.rows(campaign_), undisturbed_rows());
        EXPECT_EQ(lab_.count(campaign_, "attempt WHERE final = 1"), kTasks);
        EXPECT_EQ(lab_.count(campaign_, "(SELECT task FROM attempt WHERE final = 1 GROUP BY task)"),
                  kTasks);
        EXPECT_TRUE(nothing_is_left_of(campaign_));
        if (!HasFailure()) return;
        std::printf(
            "%s\n",
            lab_.dagan({"results", "query", campaign_.string(),
                        "SELECT token, task, started, ended, outcome, final, error FROM attempt"})
                .out.c_str());
    }

    Laboratory& lab_ = laboratory();
    fs::path campaign_ =
        laboratory().campaign(testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(KillTest, EverythingKilledAndStartedAgain) {
    for (const int done :
         {-1, 0, 3, 6}) { // before anything, while the DAGAN trains, among the classifiers
        Process run = start();
        if (done < 0)
            ASSERT_TRUE(
                comes_true([&] { return !processes_of(campaign_, "dagan-worker").empty(); }));
        else if (!wait_for_done(run, done))
            break; // it was faster
        kill_all();
        EXPECT_EQ(run.wait().signal, SIGKILL);
        EXPECT_TRUE(nothing_is_left_of(campaign_));
    }
    const Finished again = lab_.dagan(words());
    EXPECT_EQ(again.exit_code, 0) << again.text();
    EXPECT_GE(lab_.count(campaign_, "attempt WHERE outcome = 'lost'"), 1)
        << "nothing was killed in its midst";
    expect_undisturbed();
}

TEST_F(KillTest, TrainersKilledOneByOne) {
    Process run = start();
    // One task could be hit by all of them and still has an attempt left.
    for (int kills = 0; kills < 4; ++kills) {
        ASSERT_TRUE(comes_true([&] { return !run.running() || trains_a_dagan(campaign_); }));
        const pid_t trainer = trainer_at_work(run, campaign_);
        if (trainer == 0) break; // it was faster
        ::kill(trainer, SIGKILL);
    }
    const Finished finished = run.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    EXPECT_GE(lab_.count(campaign_, "attempt WHERE outcome = 'died'"), 1)
        << "no trainer was killed at work";
    const Json status =
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("restarts"), 0) << "a trainer's death is no reason to start the job again";
    expect_undisturbed();
}

TEST_F(KillTest, MpirunKilled) {
    Process run = start();
    ASSERT_TRUE(wait_for_done(run, 1));
    kill_all("mpirun");
    const Finished finished = run.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    const Json status =
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("restarts"), 1);
    expect_undisturbed();
}

// A rank is an agent and, below it, the spawner of its trainers. mpirun tells the other ranks to terminate when one is gone: not
// a stop that anybody asked for.
TEST_F(KillTest, AnAgentAndASpawnerKilled) {
    Process run = start();
    for (const bool spawner : {false, true}) {
        // The second one dies in the job that was started again, not in the first, which may not have ended yet.
        ASSERT_TRUE(comes_true([&] { return restarts() == (spawner ? 1 : 0); }));
        ASSERT_TRUE(comes_true([&] { return trains_a_dagan(campaign_); }))
            << "what is left after the DAGAN is soon done";
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
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("restarts"), 2);
    expect_undisturbed();
}

TEST_F(KillTest, TheSupervisorKilledTakesAllWithIt) {
    Process run = start();
    ASSERT_TRUE(wait_for_done(run, 1));
    run.kill(SIGKILL);
    run.wait();
    EXPECT_TRUE(nothing_is_left_of(campaign_));
    const Json status =
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(status.at("state"), "stopped");
    EXPECT_EQ(lab_.dagan(words()).exit_code, 0);
    expect_undisturbed();
}

TEST_F(KillTest, StoppedByASignalAndByCommand) {
    Process first = start();
    ASSERT_TRUE(wait_for_done(first, 1));
    first.kill(SIGUSR1);
    const Finished stopped = first.wait();
    EXPECT_EQ(stopped.exit_code, 75) << stopped.text();
    EXPECT_TRUE(nothing_is_left_of(campaign_));
    EXPECT_EQ(
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"})).at("state"),
        "stopped");

    Process second = start();
    ASSERT_TRUE(comes_true([&] { return !second.running() || trains_a_dagan(campaign_); }));
    EXPECT_EQ(lab_.dagan({"stop", campaign_.string()}).exit_code, 0);
    EXPECT_EQ(second.wait().exit_code, 75);
    EXPECT_EQ(lab_.count(campaign_, "attempt WHERE outcome = 'interrupted' AND charged = 1"), 0)
        << "a stop costs no credit";
    const Finished resumed = lab_.dagan(words());
    EXPECT_EQ(resumed.exit_code, 0) << resumed.text();
    expect_undisturbed();
}

} // namespace
} // namespace dagan
