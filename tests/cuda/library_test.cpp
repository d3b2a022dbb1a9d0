// libdagan_cuda.so without a GPU: it opens, its operators fit their schemas (LibTorch checks this
// on loading), and it reports the missing GPU as an Error.
#include "base/error.h"
#include "base/gpu_driver.h"
#include "train/device/gpu.h"

#include <gmock/gmock.h>

namespace dagan::train {
namespace {

TEST(GpuLibraryTest, WithoutAGpuItOpensAndReportsThat) {
    if (survey_gpus().problem.empty()) GTEST_SKIP() << "there is a GPU here";
    try {
        open_gpu(std::filesystem::path(DAGAN_BIN_DIR) / "libdagan_cuda.so");
        FAIL() << "there is no GPU here";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
        EXPECT_THAT(error.what(), testing::StartsWith("GPU: "));
    }
}

TEST(GpuLibraryTest, AMissingLibraryIsASystemError) {
    try {
        open_gpu("/nowhere/libdagan_cuda.so");
        FAIL() << "the library does not exist";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
        EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/libdagan_cuda.so"));
    }
}

} // namespace
} // namespace dagan::train
