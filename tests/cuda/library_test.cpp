// libdagan_cuda.so where there is no GPU: it opens, its operators fit their schemas (LibTorch checks that as it loads), and it
// says what is missing in a way that the trainer catches.
#include "base/error.h"
#include "base/gpu_driver.h"
#include "train/device/gpu.h"

#include <gmock/gmock.h>

namespace dagan::cuda {
namespace {

TEST(GpuLibraryTest, WithoutAGpuItOpensAndSaysSo) {
    if (survey_gpus().problem.empty()) GTEST_SKIP() << "there is a GPU here";
    try {
        open_gpu(std::filesystem::path(DAGAN_BIN_DIR) / "libdagan_cuda.so");
        FAIL() << "there is no GPU here";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
        EXPECT_THAT(error.what(), testing::StartsWith("GPU: "));
    }
}

TEST(GpuLibraryTest, ALibraryThatIsNotThereIsTheSystemsBlame) {
    try {
        open_gpu("/nowhere/libdagan_cuda.so");
        FAIL() << "it is not there";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
        EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/libdagan_cuda.so"));
    }
}

} // namespace
} // namespace dagan::cuda
