#include "launcher/campaign/task_history.h"

#include "base/error.h"
#include "base/temporary_folder.h"
#include "launcher/campaign/attempt_tag.h"
#include "launcher/campaign/small_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace dagan::launcher {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

sweeps::LoadedSweep loaded() { return small_sweep({1}, {0}); }

// A campaign of two classifiers.
class TaskHistoryTest : public testing::Test {
  protected:
    // Records an attempt of task 0 that ended with `outcome`. Returns its token.
    int64_t attempt(Outcome outcome, bool final = false) {
        const auto store = results::open_store(results_of(folder_, manifest_));
        store->enter(manifest_.campaign, plan_);
        const int64_t token = store->start_attempt(key(0), "0", "node");
        store->finish_attempt(
            {.task = key(0), .attempt = token, .outcome = outcome, .error = "it ended"}, final,
            false);
        store->commit();
        return token;
    }
    const std::string& key(size_t task) const { return plan_.tasks[task].key; }
    std::string label(size_t task) const { return label_of(plan_.tasks[task].spec); }
    std::string explained() const { return explain(folder_, manifest_, key(0)); }

    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_ / "campaign"};
    Manifest manifest_ = begin_campaign(folder_, loaded(), "data");
    Plan plan_ = manifest_.plan();
};

TEST_F(TaskHistoryTest, WithoutADatabaseNoTaskHasAnAttempt) {
    const TaskHistories histories = task_histories_of(folder_, manifest_);
    EXPECT_EQ(histories.schedule->counts(), (TaskCounts{.ready = 2}));
    EXPECT_TRUE(histories.attempts[0].empty());
}

TEST_F(TaskHistoryTest, ATaskThatWasLostTwiceIsExplainedAsIsolated) {
    attempt(Outcome::lost);
    EXPECT_THAT(explained(), HasSubstr("starts when a trainer is free"));
    attempt(Outcome::lost);
    EXPECT_THAT(explained(), HasSubstr("starts when nothing else runs"));
    EXPECT_TRUE(task_histories_of(folder_, manifest_).schedule->isolated(0));
}

TEST_F(TaskHistoryTest, ATaskThatEndedAsLostIsExplainedAsQuarantined) {
    for (int i = 0; i < 4; ++i) attempt(Outcome::lost);
    attempt(Outcome::lost, /*final=*/true);
    EXPECT_THAT(explained(), AllOf(HasSubstr("is quarantined"), HasSubstr("(lost): it ended")));
}

TEST_F(TaskHistoryTest, AttemptsAreExplainedWithPlaceOutcomeAndCharge) {
    const int64_t token = attempt(Outcome::died);
    EXPECT_THAT(explained(), AllOf(HasSubstr(fmt::format("attempt {}: ", token)),
                                   HasSubstr("on rank 0 of node, died: it ended (charged)")));
}

TEST_F(TaskHistoryTest, TheHistoryOfAnOpenAttemptDependsOnWhetherItIsLost) {
    results::StoredTask task;
    task.charged = 3;
    task.lost = 2;
    task.error = "earlier";
    task.open_attempt = 17;
    const TaskHistory open = history_of(task);
    EXPECT_EQ(open.charged, 3);
    EXPECT_EQ(open.lost, 2);
    EXPECT_EQ(open.error, "earlier");
    EXPECT_FALSE(open.last_lost);
    const TaskHistory lost = history_of(task, LostAttempt{.progressed = false});
    EXPECT_EQ(lost.charged, 3);
    EXPECT_EQ(lost.lost, 3);
    EXPECT_TRUE(lost.last_lost);
    EXPECT_EQ(lost.error, "the whole MPI job died while it ran");
    const TaskHistory refunded = history_of(task, LostAttempt{.progressed = true});
    EXPECT_EQ(refunded.charged, 2);
    EXPECT_EQ(refunded.lost, 2);
    EXPECT_FALSE(refunded.last_lost);
}

TEST_F(TaskHistoryTest, ATaskIsFoundByItsKeyItsPrefixAndItsLabel) {
    for (const std::string& name : {key(1), key(1).substr(0, 6), label(1)})
        EXPECT_TRUE(find_task(plan_, name) == 1) << name;
    for (const std::string& name : {key(1).substr(0, 5), std::string("classifier")}) {
        try {
            find_task(plan_, name);
            ADD_FAILURE() << "was found: " << name;
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input);
            EXPECT_THAT(error.what(), HasSubstr(name + ": is not a task of this campaign"));
        }
    }
}

TEST_F(TaskHistoryTest, TheLogOfATaskHasTheLinesWithItsTagInTheOrderOfTime) {
    EXPECT_EQ(attempt_tag("ab", 7), "[task=ab attempt=7]");
    std::ofstream(folder_.rank_log(0))
        << "2026-01-01T00:00:01 I agent: " << label(0) << ": starts " << attempt_tag(key(0), 1)
        << "\n2026-01-01T00:00:02 I agent: " << label(1) << ": starts " << attempt_tag(key(1), 2)
        << "\n2026-01-01T00:00:05 I agent: " << label(0) << ": done " << attempt_tag(key(0), 1)
        << "\n2026-01-01T00:00:06 I agent: " << label(0) << ": attempt 1 without a tag\n";
    std::ofstream(folder_.rank_log(1))
        << "2026-01-01T00:00:03 I trainer 4711: begins " << attempt_tag(key(0), 1) << "\n";
    const std::string log = log_of(folder_, manifest_, label(0));
    EXPECT_THAT(log, Not(HasSubstr(key(1))));
    EXPECT_THAT(log, Not(HasSubstr("without a tag")));
    const size_t starts = log.find(": starts "), begins = log.find(": begins "),
                 done = log.find(": done ");
    ASSERT_NE(done, std::string::npos);
    EXPECT_LT(starts, begins);
    EXPECT_LT(begins, done);
}

} // namespace
} // namespace dagan::launcher
