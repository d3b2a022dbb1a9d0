#include "launcher/campaign/incarnation.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"

#include <gtest/gtest.h>

namespace dagan::launcher {
namespace {

class IncarnationTest : public testing::Test {
  protected:
    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_.path()};
};

TEST_F(IncarnationTest, NumbersGrowWithEachJob) {
    EXPECT_EQ(present_incarnation(folder_).number, 0);
    EXPECT_TRUE(present_incarnation(folder_).ended) << "there is no job to wait for";
    EXPECT_EQ(begin_incarnation(folder_), 1);
    EXPECT_EQ(begin_incarnation(folder_), 2);
    EXPECT_EQ(present_incarnation(folder_).number, 2);
    EXPECT_FALSE(present_incarnation(folder_).ended);
}

TEST_F(IncarnationTest, OnlyTheEndOfThePresentJobIsRecorded) {
    const int64_t first = begin_incarnation(folder_), second = begin_incarnation(folder_);
    end_incarnation(folder_, first);
    EXPECT_FALSE(present_incarnation(folder_).ended) << "the later job runs";
    end_incarnation(folder_, second);
    EXPECT_TRUE(present_incarnation(folder_).ended);
    EXPECT_EQ(begin_incarnation(folder_), 3) << "the end of a job does not reset the count";
}

TEST_F(IncarnationTest, OnlyEarlierJobsAreSuperseded) {
    IncarnationWatch first(folder_, begin_incarnation(folder_));
    EXPECT_FALSE(first.superseded_now());
    IncarnationWatch second(folder_, begin_incarnation(folder_));
    EXPECT_TRUE(first.superseded_now());
    EXPECT_FALSE(second.superseded_now());
    IncarnationWatch by_hand(folder_, 0);
    EXPECT_FALSE(by_hand.superseded_now());
}

TEST_F(IncarnationTest, AnUnreadableFileSupersedesNoJob) {
    IncarnationWatch watch(folder_, begin_incarnation(folder_));
    write_atomically(folder_.incarnation(), "not a number\n");
    EXPECT_FALSE(watch.superseded_now());
    EXPECT_THROW(present_incarnation(folder_), Error) << "the next job must not guess";
}

} // namespace
} // namespace dagan::launcher
