#include "cluster/host/crowding.h"

#include <gtest/gtest.h>

namespace dagan::cluster {
namespace {

TEST(CrowdingTest, TrainersShareTheCoresEqually) {
    EXPECT_EQ(default_threads(8, 2), 4);
    EXPECT_EQ(default_threads(8, 3), 2);
    EXPECT_EQ(default_threads(2, 4), 1);
    EXPECT_EQ(default_threads(2, 0), 2);
}

TEST(CrowdingTest, MoreThreadsThanCoresAreReportedWithAFix) {
    EXPECT_EQ(crowding_problem(2, 2, 4), std::nullopt);
    EXPECT_NE(crowding_problem(2, 2, 2)->find("set threads_per_trainer to 1"), std::string::npos);
    EXPECT_NE(crowding_problem(4, 1, 2)->find("start at most 2 trainers"), std::string::npos);
}

} // namespace
} // namespace dagan::cluster
