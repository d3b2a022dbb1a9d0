#include "launcher/campaign/incarnation.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"

#include <gtest/gtest.h>

namespace dagan {
namespace {

class FenceTest : public testing::Test {
  protected:
    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_.path()};
};

TEST_F(FenceTest, NumbersGrowWithEachJob) {
    EXPECT_EQ(present_incarnation(folder_).number, 0);
    EXPECT_TRUE(present_incarnation(folder_).ended) << "nobody is to be waited for";
    EXPECT_EQ(begin_incarnation(folder_), 1);
    EXPECT_EQ(begin_incarnation(folder_), 2);
    EXPECT_EQ(present_incarnation(folder_).number, 2);
    EXPECT_FALSE(present_incarnation(folder_).ended);
}

TEST_F(FenceTest, AnEndIsNotedOfThePresentJobAlone) {
    const int64_t first = begin_incarnation(folder_), second = begin_incarnation(folder_);
    end_incarnation(folder_, first);
    EXPECT_FALSE(present_incarnation(folder_).ended) << "the later one runs";
    end_incarnation(folder_, second);
    EXPECT_TRUE(present_incarnation(folder_).ended);
    EXPECT_EQ(begin_incarnation(folder_), 3) << "an end does not start the count again";
}

TEST_F(FenceTest, OnlyEarlierJobsAreFencedOff) {
    Fence first(folder_, begin_incarnation(folder_));
    EXPECT_FALSE(first.overtaken_now());
    Fence second(folder_, begin_incarnation(folder_));
    EXPECT_TRUE(first.overtaken_now());
    EXPECT_FALSE(second.overtaken_now());
    Fence by_hand(folder_, 0);
    EXPECT_FALSE(by_hand.overtaken_now());
}

TEST_F(FenceTest, AFileThatCannotBeReadNowFencesNobodyOff) {
    Fence fence(folder_, begin_incarnation(folder_));
    write_atomically(folder_.incarnation(), "not a number\n");
    EXPECT_FALSE(fence.overtaken_now());
    EXPECT_THROW(present_incarnation(folder_), Error) << "the next job must not guess";
}

} // namespace
} // namespace dagan
