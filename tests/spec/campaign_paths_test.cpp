#include "spec/campaign_paths.h"

#include "base/file.h"

#include <gtest/gtest.h>

#include <string>

namespace dagan {
namespace {

using Path = std::filesystem::path;

// Users and scripts rely on these names (docs/reference/files.md).
TEST(CampaignPathsTest, FilesOfACampaignHaveTheirDocumentedNames) {
    const CampaignPaths paths("c");
    EXPECT_EQ(paths.manifest(), Path("c/campaign.json"));
    EXPECT_EQ(paths.database(), Path("c/results.sqlite"));
    EXPECT_EQ(paths.published_rows(), Path("c/rows.csv"));
    EXPECT_EQ(paths.forecast(), Path("c/forecast.json"));
    EXPECT_EQ(paths.reused(), Path("c/reused.json"));
    EXPECT_EQ(paths.submission(), Path("c/submission.json"));
    EXPECT_EQ(paths.batch_script(), Path("c/job.sh"));
    EXPECT_EQ(paths.report(), Path("c/report/index.html"));
}

TEST(CampaignPathsTest, FilesOfATaskAreNamedAfterItsKey) {
    const CampaignPaths paths("c");
    EXPECT_EQ(paths.weights("k"), Path("c/checkpoints/k.safetensors"));
    EXPECT_EQ(paths.checkpoint("k"), Path("c/checkpoints/k.resume.safetensors"));
    EXPECT_EQ(paths.candidate("k", 7), Path("c/checkpoints/k.7.safetensors"));
    EXPECT_EQ(paths.samples("k", 7), Path("c/samples/k.7.png"));
    EXPECT_EQ(paths.pool("k"), Path("c/pools/k.h5"));
    EXPECT_TRUE(CampaignPaths::is_checkpoint(paths.checkpoint("k")));
    EXPECT_FALSE(CampaignPaths::is_checkpoint(paths.weights("k")));
    EXPECT_TRUE(CampaignPaths::is_sample_of("k", paths.samples("k", 7)));
    EXPECT_FALSE(CampaignPaths::is_sample_of("k", paths.samples("kk", 7)));
}

TEST(CampaignPathsTest, LaterAllocationsHaveTheirOwnStatusLockAndLogs) {
    const CampaignPaths first("c"), second("c", 2);
    EXPECT_EQ(first.status(), Path("c/status.json"));
    EXPECT_EQ(first.ending(), Path("c/ending.json"));
    EXPECT_EQ(first.owner_file(), Path("c/holder"));
    EXPECT_EQ(first.incarnation(), Path("c/incarnation"));
    EXPECT_EQ(first.job_log(), Path("c/logs/job.log"));
    EXPECT_EQ(second.status(), Path("c/allocations/2/status.json"));
    EXPECT_EQ(second.owner_file(), Path("c/allocations/2/holder"));
    EXPECT_EQ(second.rank_log(3), Path("c/allocations/2/logs/rank-3.log"));
    EXPECT_EQ(second.manifest(), first.manifest());
    EXPECT_EQ(second.weights("k"), first.weights("k"));
}

TEST(CampaignPathsTest, UnfinishedFilesAreRecognised) {
    const CampaignPaths paths("c");
    const auto unfinished = [](const Path& file) {
        return Path(file.string() + std::string(kTemporaryMark) + "host-1");
    };
    EXPECT_TRUE(CampaignPaths::is_temporary(unfinished(paths.weights("k"))));
    EXPECT_FALSE(CampaignPaths::is_temporary(paths.weights("k")));
    EXPECT_TRUE(paths.is_temporary_manifest(unfinished(paths.manifest())));
    EXPECT_FALSE(paths.is_temporary_manifest(unfinished(paths.forecast())));
    EXPECT_FALSE(paths.is_temporary_manifest(paths.manifest()));
}

} // namespace
} // namespace dagan
