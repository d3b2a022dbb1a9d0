// A frozen process is detected, named in the log and replaced, and the campaign's rows do not
// change.
#include "e2e/disturbed.h"

namespace dagan {
namespace {

const Args kSettings{"gan.iterations=60", "classifier.epochs=4"};

class FrozenTest : public DisturbedTest {
  protected:
    // Returns the process of an MPI rank, found by a variable that mpirun sets; 0 if there is none.
    // Its spawner has the same environment and a larger pid.
    pid_t agent_of(int rank) const {
        const std::string mark = "PMIX_RANK=" + std::to_string(rank);
        for (const pid_t pid : processes_of(campaign_, "dagan-worker")) {
            std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
            for (std::string variable; std::getline(file, variable, '\0');) {
                if (variable == mark) return pid;
            }
        }
        return 0;
    }
    Process start() const {
        return Process(sandbox().command(run_args(kSmoke, campaign_, 2, kSettings)),
                       sandbox().setting());
    }
    // Freezes `victim` while the DAGAN trains; the campaign must still complete in this run.
    void freeze(Process& run, const std::function<pid_t()>& victim) {
        ASSERT_TRUE(eventually([&] { return !run.running() || is_training_dagan(campaign_); }));
        ASSERT_TRUE(run.running());
        const pid_t pid = victim();
        ASSERT_GT(pid, 1);
        ASSERT_EQ(::kill(pid, SIGSTOP), 0);
        const Finished finished = run.wait();
        EXPECT_EQ(finished.exit_code, 0) << finished.text();
        expect_undisturbed(campaign_, kSettings);
    }
    int restarts() const {
        return Json::parse(sandbox().output({"status", campaign_.string(), "--format", "json"}))
            .at("restarts")
            .get<int>();
    }

    fs::path campaign_ =
        sandbox().campaign(testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(FrozenTest, OnlyTheTaskOfAFrozenTrainerRunsAgain) {
    Process run = start();
    freeze(run, [&] { return busiest_trainer(run, campaign_); });
    EXPECT_EQ(restarts(), 0) << "a frozen trainer must not restart the job";
    EXPECT_EQ(sandbox().count(campaign_, "attempt WHERE outcome = 'stuck'"), 1);
    EXPECT_EQ(sandbox().count(campaign_, "attempt WHERE outcome IS NULL OR outcome = 'lost'"), 0);
}

TEST_F(FrozenTest, AFrozenAgentRestartsTheJob) {
    Process run = start();
    freeze(run, [&] { return agent_of(1); });
    EXPECT_EQ(restarts(), 1);
    EXPECT_THAT(read_file(campaign_ / "logs" / "rank-0.log"),
                testing::HasSubstr("rank 1: is dead or frozen"));
}

TEST_F(FrozenTest, AFrozenRankZeroRestartsTheJob) {
    Process run = start();
    freeze(run, [&] { return agent_of(0); });
    EXPECT_EQ(restarts(), 1);
    EXPECT_THAT(read_file(campaign_ / "logs" / "rank-1.log"),
                testing::HasSubstr("rank 0: is dead or frozen"));
}

TEST_F(FrozenTest, AFrozenMpirunDoesNotDelayTheEnd) {
    Process run = start();
    freeze(run, [&] {
        const auto mpiruns = processes_of(campaign_, "mpirun");
        return mpiruns.empty() ? 0 : mpiruns.front();
    });
}

} // namespace
} // namespace dagan
