#include "launcher/worker/staging.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "data/dataset.h"
#include "launcher/worker/small_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace dagan::launcher {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

class StagingTest : public testing::Test {
  protected:
    StagingTest() {
        std::vector<uint8_t> images(6 * 64);
        for (size_t i = 0; i < images.size(); ++i) images[i] = static_cast<uint8_t>(i % 251);
        const data::Dataset data = small_dataset(std::move(images), 3);
        const fs::path first =
            data::save_dataset(shared() / "sub" / "small.h5", data, 3); // three shards
        manifest_.sweep.datasets["small"].file = (fs::path("sub") / first.filename()).string();
        manifest_.known["small"].sha256 = data::read_dataset_info(first).sha256;
    }
    fs::path shared() const { return temporary_ / "shared"; }
    fs::path scratch() const { return temporary_ / "scratch"; }
    std::unique_ptr<StagedData> stage() const {
        return std::make_unique<StagedData>(manifest_, shared(), scratch());
    }
    std::string refusal(Blame blame) const {
        try {
            stage();
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), blame);
            return error.what();
        }
        ADD_FAILURE() << "was not refused";
        return "";
    }
    fs::path file() const { return manifest_.sweep.datasets.at("small").file; }

    TemporaryFolder temporary_;
    Manifest manifest_;
};

TEST_F(StagingTest, AllShardsAreCopiedAndTheLastUserRemovesThem) {
    auto first = stage(), second = stage();
    EXPECT_EQ(first->folder(), second->folder());
    EXPECT_TRUE(first->folder().string().starts_with(scratch().string()));
    EXPECT_EQ(data::verify_dataset(first->folder() / file()).shards, 3);
    first.reset();
    EXPECT_TRUE(fs::exists(second->folder() / file())) << "still in use";
    second.reset();
    EXPECT_TRUE(fs::is_empty(scratch()));
}

TEST_F(StagingTest, ACopyLeftByAKilledRankIsUsedAgain) {
    const pid_t killed = ::fork();
    if (killed == 0) {
        const auto mine = stage();
        ::raise(SIGKILL);
    }
    ::waitpid(killed, nullptr, 0);
    fs::remove_all(shared()); // so copying again would fail
    const auto staged = stage();
    EXPECT_NO_THROW(data::verify_dataset(staged->folder() / file()));
}

TEST_F(StagingTest, AnIncompleteCopyIsNotUsed) {
    {
        const auto whole = stage();
        fs::create_directories(temporary_ / "aside");
        fs::copy(whole->folder(), temporary_ / "aside" / whole->folder().filename(),
                 fs::copy_options::recursive);
    }
    const fs::path half =
        scratch() / fs::directory_iterator(temporary_ / "aside")->path().filename();
    fs::create_directories(half / "sub");
    write_atomically(half / file(), "half a file");
    const auto staged = stage();
    ASSERT_EQ(staged->folder(), half);
    EXPECT_NO_THROW(data::verify_dataset(staged->folder() / file()));
}

TEST_F(StagingTest, AFileWithAnotherHashIsRefused) {
    manifest_.known["small"].sha256 = std::string(64, '0');
    EXPECT_THAT(refusal(Blame::input),
                HasSubstr("is not the data set that this campaign began with"));
}

TEST_F(StagingTest, AFullDiskIsReportedWithItsNode) {
    fs::create_directories(scratch());
    if (::mount("tmpfs", scratch().c_str(), "tmpfs", 0, "size=8k") != 0)
        GTEST_SKIP() << "needs root to mount a small disk";
    const std::string message = refusal(Blame::system);
    ::umount(scratch().c_str());
    EXPECT_THAT(message, AnyOf(HasSubstr("MiB free, the data sets need"),
                               HasSubstr("No space left on device")));
    EXPECT_THAT(message, HasSubstr("name another folder in the site profile"));
}

TEST_F(StagingTest, ManyRanksOfANodeCopyOnce) {
    constexpr int kRanks = 6;
    std::vector<pid_t> ranks;
    for (int i = 0; i < kRanks; ++i) {
        ranks.push_back(::fork());
        if (ranks.back() == 0) {
            int code = 1;
            try {
                // Never destroyed, so that the copies remain to be counted.
                const StagedData* mine = stage().release();
                data::verify_dataset(mine->folder() / file());
                code = 0;
            } catch (const std::exception&) {
            }
            ::_exit(code);
        }
    }
    for (const pid_t rank : ranks) {
        int status = 0;
        ::waitpid(rank, &status, 0);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    int folders = 0;
    for (const auto& entry : fs::directory_iterator(scratch())) folders += entry.is_directory();
    EXPECT_EQ(folders, 1);
}

TEST(ExpandVariablesTest, VariablesAreReplacedAndMissingOnesRefused) {
    const cluster::Variables variables = [](const char* name) -> const char* {
        return std::string(name) == "USER" ? "me" : nullptr;
    };
    EXPECT_EQ(expand_variables("/scratch/$USER/x", variables), "/scratch/me/x");
    EXPECT_EQ(expand_variables("/scratch/${USER}x", variables), "/scratch/mex");
    EXPECT_EQ(expand_variables("/plain", variables), "/plain");
    EXPECT_THROW(expand_variables("$TMPDIR/x", variables), Error);
    EXPECT_THROW(expand_variables("${USER", variables), Error);
    EXPECT_THROW(expand_variables("/a/$", variables), Error);
}

} // namespace
} // namespace dagan::launcher
