// The contract of Store, for SQLite and PostgreSQL.
#include "results/store/store.h"

#include "base/error.h"
#include "results/campaign_support.h"
#include "results/postgresql_server.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

namespace dagan::results {
namespace {

using namespace testing;

// A kind of database, and where a new campaign of it is.
struct Backend {
    std::string name;
    std::function<bool()> is_installed;
    std::function<Location(const TemporaryFolder&)> location;
};

class StoreTest : public ::testing::TestWithParam<Backend> {
  protected:
    StoreTest()
        : plan_{{planned(classifier("omniglot", 5, 0, 0)), planned(classifier("omniglot", 5, 1, 0)),
                 planned(GanTask{})}} {}

    void SetUp() override {
        if (!GetParam().is_installed()) GTEST_SKIP() << GetParam().name << " is not installed here";
        location_ = GetParam().location(folder_);
        reopen();
    }

    // Closes the store without a commit, as a kill would, and opens it again.
    void reopen() {
        store_.reset();
        store_ = open_store(location_);
        store_->enter(campaign(), plan_);
    }
    StoredTask stored(const std::string& key) {
        for (const auto& task : store_->load()) {
            if (task.task == key) return task;
        }
        ADD_FAILURE() << "no task " << key;
        return {};
    }
    const std::string& key(int index) const { return plan_.tasks[index].key; }

    TemporaryFolder folder_;
    Location location_ = "";
    Plan plan_;
    std::unique_ptr<Store> store_;
};

TEST_P(StoreTest, EveryTaskOfThePlanIsEnteredOnce) {
    store_->commit();
    reopen();
    std::set<std::string> keys;
    for (const auto& task : store_->load()) {
        EXPECT_TRUE(keys.insert(task.task).second);
        EXPECT_EQ(task.attempts, 0);
        EXPECT_FALSE(task.ended);
    }
    EXPECT_EQ(keys, (std::set<std::string>{key(0), key(1), key(2)}));
}

TEST_P(StoreTest, ALongerPlanOfTheSameSweepAddsItsTasks) {
    finish(*store_, plan_.tasks[0], 800, 700);
    store_->commit();
    plan_.tasks.push_back(planned(classifier("omniglot", 5, 0, 0, 1)));
    reopen();
    EXPECT_EQ(store_->load().size(), 4u);
    EXPECT_EQ(stored(key(0)).ended, Outcome::done);
}

TEST_P(StoreTest, AnotherSweepIsRefusedWithTheCampaignsName) {
    store_->commit();
    try {
        store_->enter(campaign("other"), plan_);
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
        EXPECT_NE(std::string(error.what()).find("'test'"), std::string::npos) << error.what();
    }
}

TEST_P(StoreTest, TokensIncreaseAndAreNeverReused) {
    const auto first = store_->start_attempt(key(0), "0", "a");
    const auto second = store_->start_attempt(key(1), "1", "b");
    EXPECT_GT(first, 0);
    EXPECT_GT(second, first);
    store_->commit();
    reopen();
    EXPECT_GT(store_->start_attempt(key(0), "0", "a"), second);
}

TEST_P(StoreTest, AStartedAttemptIsChargedEvenIfItNeverEnds) {
    store_->start_attempt(key(0), "0", "a");
    store_->commit();
    reopen();
    const auto task = stored(key(0));
    EXPECT_EQ(task.attempts, 1);
    EXPECT_EQ(task.charged, 1);
    EXPECT_FALSE(task.ended);
}

TEST_P(StoreTest, UncommittedChangesAreLostInACrash) {
    store_->commit();
    store_->start_attempt(key(0), "0", "a");
    reopen();
    EXPECT_EQ(stored(key(0)).attempts, 0);
}

TEST_P(StoreTest, ARefundedAttemptDoesNotCountAgainstTheBudget) {
    const auto token = store_->start_attempt(key(0), "0", "a");
    EXPECT_TRUE(store_->finish_attempt(ended(key(0), token, Outcome::interrupted), false, true));
    store_->start_attempt(key(0), "0", "a");
    const auto task = stored(key(0));
    EXPECT_EQ(task.attempts, 2);
    EXPECT_EQ(task.charged, 1);
}

TEST_P(StoreTest, AnOpenAttemptIsReportedWithTheCheckpointItStartedFrom) {
    const auto token = store_->start_attempt(key(0), "0", "a", 123456789012345678);
    store_->commit();
    reopen();
    EXPECT_EQ(stored(key(0)).open_attempt, token);
    EXPECT_EQ(stored(key(0)).checkpoint_before, 123456789012345678);
    EXPECT_TRUE(store_->finish_attempt(ended(key(0), token, Outcome::lost), false, false));
    EXPECT_EQ(stored(key(0)).open_attempt, 0);
    EXPECT_EQ(stored(key(0)).lost, 1);
    const auto again = store_->start_attempt(key(0), "0", "a");
    EXPECT_TRUE(store_->finish_attempt(ended(key(0), again, Outcome::lost), false, true));
    EXPECT_EQ(stored(key(0)).lost, 1) << "an attempt that left a checkpoint is refunded";
    EXPECT_EQ(stored(key(0)).charged, 1);
}

TEST_P(StoreTest, FailuresOnAFaultyHostAreRefunded) {
    const auto fail = [&](int task, const std::string& host, Outcome outcome) {
        const auto token = store_->start_attempt(key(task), "0", host);
        store_->finish_attempt(ended(key(task), token, outcome), false, false);
    };
    fail(0, "bad", Outcome::died);
    fail(0, "good", Outcome::died);
    fail(1, "bad", Outcome::system_error);
    fail(2, "bad", Outcome::lost); // the whole job ended, perhaps for another reason
    store_->refund_attempts("bad");
    store_->commit();
    reopen();
    EXPECT_EQ(stored(key(0)).charged, 1);
    EXPECT_EQ(stored(key(1)).charged, 0);
    EXPECT_EQ(stored(key(2)).charged, 1);
}

TEST_P(StoreTest, SuspectHostsAreReportedWithAllTheirEndedAttempts) {
    const auto end = [&](int task, const std::string& host, Outcome outcome) {
        const auto token = store_->start_attempt(key(task), "0", "first");
        auto result = ended(key(task), token, outcome);
        result.host = host;
        store_->finish_attempt(result, false, false);
    };
    end(0, "a", Outcome::died);
    end(1, "b", Outcome::interrupted);
    end(2, "a", Outcome::interrupted);
    store_->start_attempt(key(1), "0", "a");
    const auto history = store_->attempts_on_suspect_hosts();
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].task, key(0));
    EXPECT_EQ(history[0].outcome, Outcome::died);
    EXPECT_EQ(history[1].task, key(2));
    EXPECT_EQ(history[1].host, "a");
}

TEST_P(StoreTest, FailedTasksCanBeReopenedAndFinishedTasksCannot) {
    finish(*store_, plan_.tasks[0], 800, 700);
    const auto token = store_->start_attempt(key(1), "0", "a");
    store_->finish_attempt(ended(key(1), token, Outcome::died), true, false);
    store_->commit();
    reopen();
    EXPECT_EQ(store_->reopen_failed(), 1);
    store_->commit();
    reopen();
    EXPECT_FALSE(stored(key(1)).ended);
    EXPECT_EQ(stored(key(1)).charged, 0);
    EXPECT_EQ(stored(key(1)).attempts, 1);
    EXPECT_EQ(stored(key(0)).ended, Outcome::done);
    const auto again = store_->start_attempt(key(1), "0", "a");
    EXPECT_TRUE(store_->finish_attempt(ended(key(1), again, Outcome::diverged), true, false));
    EXPECT_EQ(store_->reopen_failed(), 0);
}

TEST_P(StoreTest, ATasksErrorIsStored) {
    const auto token = store_->start_attempt(key(0), "0", "a");
    store_->finish_attempt(
        ended(key(0), token, Outcome::input_error, "no such file: 'x'; DROP TABLE task"), true,
        false);
    store_->commit();
    reopen();
    const auto task = stored(key(0));
    EXPECT_EQ(task.ended, Outcome::input_error);
    EXPECT_EQ(task.error, "no such file: 'x'; DROP TABLE task");
    EXPECT_EQ(store_->load().size(), 3u);
}

TEST_P(StoreTest, AResultUnderAnOldTokenIsRefusedAndChangesNothing) {
    const auto old_token = store_->start_attempt(key(0), "0", "a");
    const auto token = store_->start_attempt(key(0), "1", "b");
    EXPECT_FALSE(store_->finish_attempt(scored(key(0), old_token, 800, 700), true, false));
    EXPECT_FALSE(store_->finish_attempt(scored(key(0), token + 1, 800, 700), true, false));
    EXPECT_FALSE(stored(key(0)).ended);
    EXPECT_TRUE(store_->finish_attempt(scored(key(0), token, 800, 700), true, false));
    EXPECT_EQ(stored(key(0)).ended, Outcome::done);
}

TEST_P(StoreTest, AResultIsAcceptedOnce) {
    const auto token = store_->start_attempt(key(0), "0", "a");
    EXPECT_TRUE(store_->finish_attempt(scored(key(0), token, 800, 700), true, false));
    EXPECT_FALSE(store_->finish_attempt(scored(key(0), token, 900, 900), true, false));
    store_->commit();
    reopen();
    EXPECT_FALSE(store_->finish_attempt(scored(key(0), token, 900, 900), true, false));
    EXPECT_THROW(store_->start_attempt(key(0), "0", "a"), Error);
}

TEST_P(StoreTest, AnAttemptEndsOnce) {
    const auto token = store_->start_attempt(key(0), "0", "a");
    EXPECT_TRUE(store_->finish_attempt(ended(key(0), token, Outcome::died), false, false));
    EXPECT_FALSE(store_->finish_attempt(scored(key(0), token, 800, 700), true, false));
}

TEST_P(StoreTest, TheAttemptThatRanWhenTheJobDiedIsStillTheCurrentOne) {
    const auto token = store_->start_attempt(key(0), "0", "a");
    store_->commit();
    reopen();
    EXPECT_TRUE(store_->finish_attempt(ended(key(0), token, Outcome::died), false, false));
}

TEST_P(StoreTest, ArtifactsComeBackWithTheirTask) {
    auto result = ended(key(2), store_->start_attempt(key(2), "0,1", "a"), Outcome::done);
    result.artifacts = {{"samples", "samples/x.10.png", "aa"},
                        {"weights", "checkpoints/x.safetensors", "bb"}};
    const auto expected = result.artifacts;
    result.artifacts.push_back(result.artifacts[0]); // named twice, kept once
    result.curve = {{10, "critic_loss", -1.5}, {10, "penalty", NAN}};
    EXPECT_TRUE(store_->finish_attempt(result, true, false));
    store_->commit();
    reopen();
    EXPECT_EQ(stored(key(2)).artifacts, expected);
    EXPECT_EQ(stored(key(2)).ended, Outcome::done);
}

TEST_P(StoreTest, AScoreThatIsNotOfTheBestValidationEpochIsRefused) {
    const auto token = store_->start_attempt(key(0), "0", "a");
    auto result = scored(key(0), token, 800, 700);
    result.score->best_epoch = 1;
    EXPECT_THROW(store_->finish_attempt(result, true, false), Error);
    result = scored(key(0), token, 800, 700);
    result.curve[0].value = 0.8; // a tie: the earlier epoch is the best one
    EXPECT_THROW(store_->finish_attempt(result, true, false), Error);
    result = scored(key(0), token, 800, 700);
    result.curve.clear();
    EXPECT_THROW(store_->finish_attempt(result, true, false), Error);
    EXPECT_TRUE(store_->finish_attempt(scored(key(0), token, 800, 700), true, false))
        << "a refused result changes nothing";
}

TEST_P(StoreTest, WithEpochSelectLastTheLastEpochCounts) {
    auto last = classifier("omniglot", 5, 2, 0);
    last.classifier.epoch_select = EpochSelect::last;
    plan_.tasks.push_back(planned(last));
    reopen();
    const auto token = store_->start_attempt(key(3), "0", "a");
    auto result = scored(key(3), token, 800, 700);
    EXPECT_THROW(store_->finish_attempt(result, true, false), Error);
    result.score->best_epoch = 3;
    result.score->validation_correct = 400;
    EXPECT_TRUE(store_->finish_attempt(result, true, false));
}

TEST_P(StoreTest, ASelectorsScoreIsThatOfItsLastEpochWithoutTestCases) {
    plan_.tasks.push_back(planned(SelectorTask{}));
    reopen();
    auto result = scored(key(3), store_->start_attempt(key(3), "0", "a"), 800, 0, 1000, 1);
    result.score = ClassifierScore{100, 3, 400, 1000, 0, 0};
    EXPECT_TRUE(store_->finish_attempt(result, true, false));
}

TEST_P(StoreTest, WithoutValidationCasesOnlyTheLastEpochIsRecorded) {
    auto last = classifier("omniglot", 5, 2, 0);
    last.classifier.epoch_select = EpochSelect::last;
    plan_.tasks.push_back(planned(last));
    reopen();
    auto result = ended(key(3), store_->start_attempt(key(3), "0", "a"), Outcome::done);
    result.score = ClassifierScore{100, 3, 0, 0, 700, 1000};
    EXPECT_TRUE(store_->finish_attempt(result, true, false));
    result = ended(key(0), store_->start_attempt(key(0), "0", "a"), Outcome::done);
    result.score = ClassifierScore{100, 3, 0, 0, 700, 1000};
    EXPECT_THROW(store_->finish_attempt(result, true, false), Error)
        << "best_val needs validation cases";
}

TEST_P(StoreTest, ADivergedTaskHasEndedWithoutAResult) {
    const auto token = store_->start_attempt(key(0), "0", "a");
    auto result = ended(key(0), token, Outcome::diverged, "loss is not a number");
    result.curve = {{1, "loss", NAN}};
    EXPECT_TRUE(store_->finish_attempt(result, true, false));
    EXPECT_EQ(stored(key(0)).ended, Outcome::diverged);
}

TEST_P(StoreTest, NamesInTheSweepAreNeverExecutedAsSql) {
    const auto odd = planned(classifier("x'); DROP TABLE result; --", 5, 0, 0));
    plan_.tasks.push_back(odd);
    reopen();
    finish(*store_, odd, 800, 700);
    store_->commit();
    reopen();
    EXPECT_EQ(stored(odd.key).ended, Outcome::done);
}

INSTANTIATE_TEST_SUITE_P(
    Backends, StoreTest,
    ::testing::Values(
        Backend{"sqlite", [] { return true; },
                [](const auto& folder) -> Location { return folder / "results.sqlite"; }},
        Backend{"postgresql", [] { return PostgresqlServer::shared() != nullptr; },
                [](const auto&) { return PostgresqlServer::shared()->new_schema(); }}),
    [](const auto& backend) { return backend.param.name; });

} // namespace
} // namespace dagan::results
