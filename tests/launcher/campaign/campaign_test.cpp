#include "launcher/campaign/campaign.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "launcher/campaign/small_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <vector>

namespace dagan::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

sweeps::LoadedSweep loaded() { return small_sweep({1, 2}, {0, 2}); }

// All files below a folder, with their contents.
std::map<std::string, std::string> contents(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        files[entry.path().string()] = entry.is_regular_file() ? read_file(entry.path()) : "";
    }
    return files;
}

class CampaignTest : public testing::Test {
  protected:
    Manifest begin(const sweeps::LoadedSweep& sweep) {
        return begin_campaign(folder_, sweep, "data");
    }

    // Begins the campaign. Returns whether the manifest that it got is the one in the folder.
    bool begins_the_campaign_there(const std::string& data) {
        try {
            const Manifest begun = begin_campaign(folder_, loaded(), data),
                           there = read_manifest(folder_);
            return begun.campaign == there.campaign && fs::exists(folder_.logs());
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            return false;
        }
    }

    // Returns the message with which the sweep is refused; no file may change.
    std::string refusal(const sweeps::LoadedSweep& sweep, Blame blame = Blame::input) {
        const auto before = contents(temporary_.path());
        std::string message;
        try {
            begin(sweep);
            ADD_FAILURE() << "was not refused";
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), blame) << error.what();
            message = error.what();
        }
        EXPECT_EQ(contents(temporary_.path()), before);
        return message;
    }

    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_ / "a" / ".." / "campaign"};
};

TEST_F(CampaignTest, BeginsInANewFolderWithAllItsSubfolders) {
    const Manifest begun = begin(loaded());
    EXPECT_EQ(folder_.root(), temporary_ / "campaign");
    for (const fs::path& sub : {folder_.logs(), folder_.checkpoints_dir(), folder_.pools_dir(),
                                folder_.samples_dir(), folder_.report_dir()})
        EXPECT_TRUE(fs::is_directory(sub)) << sub;
    const Manifest read = read_manifest(folder_);
    EXPECT_EQ(read.campaign, begun.campaign);
    EXPECT_EQ(read.campaign.name, "small");
    EXPECT_EQ(sweep_from_text(read.campaign.sweep), loaded().sweep);
    EXPECT_EQ(read.sweep, loaded().sweep);
    EXPECT_EQ(read.known.at("strokes").sha256, "sha-of-strokes");
    EXPECT_EQ(read.known.at("strokes").shape, loaded().known.at("strokes").shape);
    EXPECT_EQ(read.data_folder, fs::absolute("data").string());
}

TEST_F(CampaignTest, EveryReaderMakesTheSamePlan) {
    const Plan begun = begin(loaded()).plan(), read = read_manifest(folder_).plan();
    ASSERT_EQ(begun.tasks.size(), read.tasks.size());
    EXPECT_EQ(begun.tasks.size(),
              1U + 1 + 2 + 8); // selector, DAGAN, a pool per seed, classifiers
    for (size_t i = 0; i < begun.tasks.size(); ++i) {
        EXPECT_EQ(begun.tasks[i].key, read.tasks[i].key);
        EXPECT_EQ(begun.tasks[i].needs, read.tasks[i].needs);
    }
}

TEST_F(CampaignTest, BeginsInAnEmptyFolder) {
    fs::create_directories(folder_.root());
    EXPECT_NO_THROW(begin(loaded()));
}

TEST_F(CampaignTest, TheSameSweepAgainContinuesTheCampaign) {
    const Manifest first = begin(loaded());
    const auto before = contents(folder_.root());
    const Manifest again = begin_campaign(folder_, loaded(), "moved/data");
    EXPECT_EQ(again.campaign, first.campaign) << "its creation time is kept";
    EXPECT_EQ(again.data_folder, fs::absolute("moved/data").string());
    EXPECT_EQ(contents(folder_.root()), before);
}

TEST_F(CampaignTest, KeepsItsStoreIfNoneIsNamed) {
    sweeps::LoadedSweep sweep = loaded();
    EXPECT_EQ(results_of(folder_, begin(sweep)).file(), folder_.database());
    sweep.store = "postgresql://me@host/base";
    EXPECT_THAT(refusal(sweep),
                HasSubstr("results.sqlite, not in postgresql://me@host/base; hint"));
    fs::remove_all(folder_.root());
    begin(sweep);
    EXPECT_EQ(results_of(folder_, read_manifest(folder_)).url(), sweep.store);
    EXPECT_EQ(begin(loaded()).store, sweep.store);
    sweep.store += "2";
    EXPECT_THAT(refusal(sweep),
                HasSubstr("postgresql://me@host/base, not in postgresql://me@host/base2"));
}

// Allocations that are submitted together may begin the campaign at the same moment.
TEST_F(CampaignTest, ProcessesThatBeginItAtOnceShareOneCampaign) {
    for (int round = 0; round < 30; ++round) {
        fs::remove_all(folder_.root());
        std::vector<pid_t> beginners;
        for (int i = 0; i < 4; ++i) {
            beginners.push_back(::fork());
            if (beginners.back() == 0)
                ::_exit(begins_the_campaign_there("data" + std::to_string(i)) ? 0 : 1);
        }
        for (const pid_t beginner : beginners) {
            int status = 0;
            ::waitpid(beginner, &status, 0);
            EXPECT_EQ(status, 0) << "round " << round;
        }
    }
}

TEST_F(CampaignTest, AllocationsShareAllButTheirStatusLockAndLogs) {
    EXPECT_EQ(folder_.allocations().size(), 1U);
    const CampaignFolder second = folder_.of_allocation(2);
    EXPECT_EQ(folder_.of_allocation(1).status(), folder_.status());
    EXPECT_NE(second.status(), folder_.status());
    EXPECT_NE(second.rank_log(0), folder_.rank_log(0));
    EXPECT_EQ(second.manifest(), folder_.manifest());
    EXPECT_EQ(second.database(), folder_.database());
    fs::create_directories(second.logs());
    ASSERT_EQ(second.allocations().size(), 2U);
    EXPECT_EQ(folder_.allocations()[1].owner_file(), second.owner_file());
}

TEST_F(CampaignTest, AnotherSweepIsRefusedWithTheDifferenceAndTheFolder) {
    begin(loaded());
    sweeps::LoadedSweep other = loaded();
    other.sweep.classifier.epochs = 20;
    const std::string message = refusal(other);
    EXPECT_THAT(message, HasSubstr(folder_.root().string()));
    EXPECT_THAT(message, HasSubstr("classifier.epochs: 3 there, 20 here"));
    EXPECT_THAT(message, HasSubstr("'small'"));
    EXPECT_THAT(message, HasSubstr("-o"));
}

TEST_F(CampaignTest, AnAddedDatasetIsADifference) {
    begin(loaded());
    sweeps::LoadedSweep other = loaded();
    other.sweep.datasets["faces"].file = "faces.h5";
    EXPECT_THAT(refusal(other), HasSubstr("datasets.faces: only here"));
}

TEST_F(CampaignTest, AnotherDataFileIsRefused) {
    begin(loaded());
    sweeps::LoadedSweep other = loaded();
    other.known["strokes"].sha256 = "another-sha";
    EXPECT_THAT(refusal(other), testing::AllOf(HasSubstr("strokes"), HasSubstr("sha256"),
                                               HasSubstr("another-sha")));
}

TEST_F(CampaignTest, AFolderWithOtherFilesIsRefused) {
    fs::create_directories(folder_.root());
    std::ofstream(folder_.root() / "thesis.tex") << "mine";
    EXPECT_THAT(refusal(loaded()),
                testing::AllOf(HasSubstr(folder_.root().string()), HasSubstr("not empty")));
}

TEST_F(CampaignTest, AFileInPlaceOfTheFolderIsRefused) {
    std::ofstream(folder_.root()) << "a file";
    const auto before = contents(temporary_.path());
    EXPECT_THROW(begin(loaded()), Error);
    EXPECT_EQ(contents(temporary_.path()), before);
}

TEST_F(CampaignTest, AFolderThatCannotBeWrittenIsASystemError) {
    if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
    fs::permissions(temporary_.path(), fs::perms::owner_read | fs::perms::owner_exec);
    const std::string message = refusal(loaded(), Blame::system);
    fs::permissions(temporary_.path(), fs::perms::owner_all);
    EXPECT_THAT(message, HasSubstr("campaign"));
}

TEST_F(CampaignTest, AFolderWithoutAValidManifestIsNotACampaign) {
    const auto refusal_to_read = [&] {
        try {
            read_manifest(folder_);
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input);
            return std::string(error.what());
        }
        return std::string("was read");
    };
    EXPECT_THAT(refusal_to_read(),
                testing::AllOf(HasSubstr(folder_.root().string()), HasSubstr("campaign.json")));
    fs::create_directories(folder_.root());
    for (const char* text : {"", "[]", "{}", "{\"campaign\": {\"name\": 7}}", "half a {"}) {
        std::ofstream(folder_.manifest()) << text;
        EXPECT_THAT(refusal_to_read(), HasSubstr(folder_.manifest().string())) << text;
    }
}

// A process that is killed while it begins a campaign must leave a folder that can be continued.
TEST_F(CampaignTest, MissingSubfoldersAreCreatedAgain) {
    begin(loaded());
    fs::remove(folder_.pools_dir());
    fs::remove(folder_.samples_dir());
    EXPECT_NO_THROW(begin(loaded()));
    EXPECT_TRUE(fs::is_directory(folder_.pools_dir()));
    EXPECT_TRUE(fs::is_directory(folder_.samples_dir()));
}

} // namespace
} // namespace dagan::launcher
