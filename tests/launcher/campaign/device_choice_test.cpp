#include "launcher/campaign/device_choice.h"

#include "base/error.h"
#include "base/gpu_driver.h"

#include <gmock/gmock.h>

namespace dagan::launcher {
namespace {

Blame blame_of(const std::string& asked, const std::string& recorded) {
    try {
        choose_device(asked, recorded);
    } catch (const Error& error) {
        EXPECT_THAT(error.what(),
                    testing::StartsWith("--device " + (asked == "auto" ? recorded : asked) + ": "));
        return error.blame();
    }
    ADD_FAILURE() << asked << " after " << recorded << " was not refused";
    return Blame::bug;
}

TEST(DeviceChoiceTest, TheCpuIsChosenWithoutAMessageIfItIsAskedFor) {
    EXPECT_EQ(choose_device("cpu", "").device, "cpu");
    EXPECT_EQ(choose_device("cpu", "").why, "");
}

TEST(DeviceChoiceTest, ACampaignKeepsItsDevice) {
    EXPECT_EQ(choose_device("auto", "cpu").device, "cpu");
    EXPECT_EQ(choose_device("auto", "cpu").why, "");
    EXPECT_EQ(blame_of("cuda", "cpu"), Blame::input);
    EXPECT_EQ(blame_of("cpu", "cuda"), Blame::input);
}

TEST(DeviceChoiceTest, WithoutAGpuAutoChoosesTheCpuWithAReasonAndCudaIsRefused) {
    const std::string problem = survey_gpus().problem;
    if (problem.empty()) GTEST_SKIP() << "there is a GPU here";
    EXPECT_EQ(choose_device("auto", "").device, "cpu");
    EXPECT_EQ(choose_device("auto", "").why, problem);
    EXPECT_EQ(blame_of("cuda", ""), Blame::system);
    EXPECT_EQ(blame_of("auto", "cuda"), Blame::system);
    EXPECT_THROW(device_environment("cuda"), Error);
    EXPECT_TRUE(device_environment("cpu").empty());
}

} // namespace
} // namespace dagan::launcher
