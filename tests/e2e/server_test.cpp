// A PostgreSQL server that is away: how long a run waits for it, and that nothing is lost meanwhile.
#include "e2e/disturbed.h"
#include "results/postgresql_server.h"

namespace dagan {
namespace {

using dagan::results::testing::PostgresqlServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const Words kSettings{"gan.iterations=60", "classifier.epochs=4"};
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
            lab_.command(run_words(kSmoke, campaign_, 2, kSettings) + Words{"--store", url_}),
            lab_.setting());
    }

    Laboratory& lab_ = laboratory();
    fs::path campaign_ =
        laboratory().campaign(::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::unique_ptr<PostgresqlServer> server_;
    std::string url_;
};

TEST_F(ServerTest, OneThatHadAnsweredMayBeAwayForLongerThanOneThatNeverDid) {
    Process run = start();
    ASSERT_TRUE(comes_true([&] { return !run.running() || trains_a_dagan(campaign_); }));
    ASSERT_TRUE(run.running());
    server_->stop();
    std::this_thread::sleep_for(kPatienceAtTheStart + 10s);
    EXPECT_TRUE(run.running()) << "it gave up";
    server_->start_again();
    const Finished finished = run.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    EXPECT_THAT(finished.text(), AllOf(HasSubstr("it is tried for 600 s more"),
                                       HasSubstr("the MPI job is started again")));
    expect_undisturbed(campaign_, kSettings);
}

TEST_F(ServerTest, OneThatNeverAnsweredIsGivenUpWithItsWords) {
    { // begun, and stopped by hand
        Process run = start();
        ASSERT_TRUE(comes_true([&] { return !run.running() || trains_a_dagan(campaign_); }));
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
