// What is frozen rather than dead is found, named and replaced, and the campaign's rows stay what they are.
#include "e2e/disturbed.h"

namespace dagan {
namespace {

const Words kSettings{"gan.iterations=60", "classifier.epochs=4"};

class FrozenTest : public DisturbedTest {
  protected:
    // The process of an MPI rank, by mpirun's mark in its environment; its spawner, forked from it, has the larger pid.
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
        return Process(laboratory().command(run_words(kSmoke, campaign_, 2, kSettings)),
                       laboratory().setting());
    }
    // Freezes `victim` in the midst of the work; the campaign must end well by itself.
    void freeze(Process& run, const std::function<pid_t()>& victim) {
        ASSERT_TRUE(comes_true([&] { return !run.running() || trains_a_dagan(campaign_); }));
        ASSERT_TRUE(run.running());
        const pid_t pid = victim();
        ASSERT_GT(pid, 1);
        ASSERT_EQ(::kill(pid, SIGSTOP), 0);
        const Finished finished = run.wait();
        EXPECT_EQ(finished.exit_code, 0) << finished.text();
        expect_undisturbed(campaign_, kSettings);
    }
    int restarts() const {
        return Json::parse(laboratory().output({"status", campaign_.string(), "--format", "json"}))
            .at("restarts")
            .get<int>();
    }

    fs::path campaign_ =
        laboratory().campaign(testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(FrozenTest, AFrozenTrainersTaskRunsAgainOnceAndNothingElseDoes) {
    Process run = start();
    freeze(run, [&] { return trainer_at_work(run, campaign_); });
    EXPECT_EQ(restarts(), 0) << "a trainer is no reason to start the job again";
    EXPECT_EQ(laboratory().count(campaign_, "attempt WHERE outcome = 'stuck'"), 1);
    EXPECT_EQ(laboratory().count(campaign_, "attempt WHERE outcome IS NULL OR outcome = 'lost'"),
              0);
}

TEST_F(FrozenTest, AFrozenAgentEndsTheJobWhichIsStartedAgain) {
    Process run = start();
    freeze(run, [&] { return agent_of(1); });
    EXPECT_EQ(restarts(), 1);
    EXPECT_THAT(read_file(campaign_ / "logs" / "rank-0.log"),
                testing::HasSubstr("rank 1: is dead or frozen"));
}

TEST_F(FrozenTest, AFrozenRankZeroEndsTheJobWhichIsStartedAgain) {
    Process run = start();
    freeze(run, [&] { return agent_of(0); });
    EXPECT_EQ(restarts(), 1);
    EXPECT_THAT(read_file(campaign_ / "logs" / "rank-1.log"),
                testing::HasSubstr("rank 0: is dead or frozen"));
}

TEST_F(FrozenTest, AFrozenMpirunDoesNotHoldUpTheEnd) {
    Process run = start();
    freeze(run, [&] {
        const auto mpiruns = processes_of(campaign_, "mpirun");
        return mpiruns.empty() ? 0 : mpiruns.front();
    });
}

} // namespace
} // namespace dagan
