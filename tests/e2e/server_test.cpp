// A PostgreSQL server that cannot be reached: how long a run waits for it, and that nothing is
// lost.
#include "e2e/disturbed.h"
#include "results/postgresql_server.h"

namespace dagan {
namespace {

using dagan::results::testing::PostgresqlServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const Args kSettings{"gan.iterations=60", "classifier.epochs=4"};
constexpr auto kPatienceAtTheStart = 60s; // for a server that never answered

class ServerTest : public DisturbedTest {
  protected:
    void SetUp() override {
        server_ = PostgresqlServer::start();
        if (!server_) GTEST_SKIP() << "PostgreSQL is not installed here";
        url_ = server_->new_schema().url();
    }
    Process start() const {
        return Process(
            sandbox_.command(run_args(kSmoke, campaign_, 2, kSettings) + Args{"--store", url_}),
            sandbox_.setting());
    }

    Sandbox& sandbox_ = sandbox();
    fs::path campaign_ =
        sandbox().campaign(::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::unique_ptr<PostgresqlServer> server_;
    std::string url_;
};

TEST_F(ServerTest, AServerThatHasAnsweredMayBeAwayLongerThanOneThatNeverHas) {
    Process run = start();
    ASSERT_TRUE(eventually([&] { return !run.running() || is_training_dagan(campaign_); }));
    ASSERT_TRUE(run.running());
    server_->stop();
    std::this_thread::sleep_for(kPatienceAtTheStart + 10s);
    EXPECT_TRUE(run.running()) << "the run gave up too early";
    server_->start_again();
    const Finished finished = run.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    EXPECT_THAT(finished.text(),
                AllOf(HasSubstr("retrying for 600 s"), HasSubstr("the MPI job is restarted")));
    expect_undisturbed(campaign_, kSettings);
}

TEST_F(ServerTest, AServerThatNeverAnswersEndsTheRunWithTheReason) {
    { // a campaign that was begun and stopped
        Process run = start();
        ASSERT_TRUE(eventually([&] { return !run.running() || is_training_dagan(campaign_); }));
        run.kill(SIGUSR1);
        ASSERT_EQ(run.wait().exit_code, 75);
    }
    server_->stop();
    Process again = start();
    const Finished finished = again.wait(kPatienceAtTheStart + 60s);
    EXPECT_EQ(finished.exit_code, 3) << finished.text();
    EXPECT_THAT(finished.text(), HasSubstr("the PostgreSQL server cannot be reached"));
}

} // namespace
} // namespace dagan
