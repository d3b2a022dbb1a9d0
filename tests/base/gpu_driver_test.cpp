#include "base/gpu_driver.h"

#include "base/error.h"

#include <gmock/gmock.h>

namespace dagan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

GpuSurvey two_gpus() { return {.gpus = {{"GPU-a", "one", 1}, {"GPU-b", "two", 2}}, .problem = ""}; }

TEST(GpuDriverTest, ASurveyListsGpusOrTellsWhyThereAreNone) {
    const GpuSurvey survey = survey_gpus();
    EXPECT_EQ(survey.gpus.empty(), !survey.problem.empty()) << survey.problem;
    for (const GpuFacts& gpu : survey.gpus) {
        EXPECT_THAT(gpu.uuid, testing::MatchesRegex("GPU-.{8}-.{4}-.{4}-.{4}-.{12}"));
        EXPECT_GT(gpu.memory_bytes, 0);
    }
}

TEST(GpuDriverTest, NamesAreTheVisibleDevicesOrElseTheSurveysUuids) {
    EXPECT_THAT(gpu_names(two_gpus(), ""), ElementsAre("GPU-a", "GPU-b"));
    EXPECT_THAT(gpu_names(two_gpus(), "1,0"), ElementsAre("1", "0"));
    EXPECT_THAT(gpu_names(two_gpus(), "MIG-1111,MIG-2222,MIG-3333"),
                ElementsAre("MIG-1111", "MIG-2222", "MIG-3333"));
    EXPECT_THAT(gpu_names({}, ""), IsEmpty());
}

TEST(GpuDriverTest, RanksGetGpusRoundRobin) {
    const std::vector<std::string> names{"GPU-a", "GPU-b"};
    EXPECT_EQ(gpu_of_rank(names, 0), "GPU-a");
    EXPECT_EQ(gpu_of_rank(names, 1), "GPU-b");
    EXPECT_EQ(gpu_of_rank(names, 2), "GPU-a");
    EXPECT_THROW(gpu_of_rank({}, 0), Error);
}

} // namespace
} // namespace dagan
