#include "launcher/slurm/site_profile.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dagan::launcher {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class SiteProfileTest : public testing::Test {
  protected:
    SiteProfile load(const std::string& text,
                     const std::map<std::string, std::string>& replacements = {}) {
        write_atomically(path(), text);
        return load_site_profile(path(), replacements);
    }
    std::string refusal(const std::string& text,
                        const std::map<std::string, std::string>& replacements = {}) {
        try {
            load(text, replacements);
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input);
            return error.what();
        }
        ADD_FAILURE() << "was not refused: " << text;
        return "";
    }
    fs::path path() const { return temporary_ / "site.yaml"; }

    TemporaryFolder temporary_;
};

TEST_F(SiteProfileTest, AllKeysAreRead) {
    const SiteProfile profile = load(
        "scheduler: slurm\npartition: gpu\naccount: p-1\nnodes: 2-4\nranks_per_node: "
        "4\ncpus_per_rank: 8\n"
        "gpus_per_node: 4\ngres: gpu:a100:4\ntime: 1-12:00:00\nmpi: pmix_v4\nscratch: $TMPDIR\n"
        "setup: [module load a, 'export B=\"c d\"']\nextra: [--qos=long]\n");
    EXPECT_EQ(profile.partition, "gpu");
    EXPECT_EQ(profile.fewest_nodes(), 2);
    EXPECT_EQ(profile.most_nodes(), 4);
    EXPECT_EQ(profile.fewest_ranks(), 8);
    EXPECT_EQ(profile.wall_time(), 36h);
    EXPECT_EQ(profile.mpi, "pmix_v4");
    EXPECT_FALSE(profile.uses_mpirun());
    EXPECT_THAT(profile.setup, ElementsAre("module load a", "export B=\"c d\""));
    EXPECT_THAT(profile.extra, ElementsAre("--qos=long"));
}

TEST_F(SiteProfileTest, EachProblemIsReportedWithItsLine) {
    const std::string problems = refusal("scheduler: slrum\nranks_per_nod: 2\nnodes: 3-2\ntime: "
                                         "soon\nextra:\n  - --requeue\n  - 5\npartition: 'a b'\n");
    for (const char* line :
         {"site.yaml:1: scheduler: got 'slrum', wanted one of slurm, none; did you mean 'slurm'?",
          "site.yaml:2: unknown key 'ranks_per_nod'; did you mean 'ranks_per_node'?",
          "site.yaml:3: nodes: got '3-2'", "site.yaml:4: time: got 'soon'",
          "site.yaml:6: extra.0: --requeue is set by `dagan submit` itself",
          "site.yaml:7: extra.1: '5' is not an option of sbatch",
          "site.yaml:8: partition: 'a b' is not one plain word"}) {
        EXPECT_THAT(problems, HasSubstr(line));
    }
}

TEST_F(SiteProfileTest, RanksThatWouldShareAGpuAreRefusedWithTheFix) {
    EXPECT_THAT(refusal("scheduler: slurm\nranks_per_node: 4\ngpus_per_node: 2\n"),
                HasSubstr("site.yaml:2: ranks_per_node: 4 ranks would share 2 GPUs; start at most "
                          "one rank per GPU"));
    EXPECT_NO_THROW(load("scheduler: slurm\nranks_per_node: 2\ngpus_per_node: 4\n"));
}

TEST_F(SiteProfileTest, ACommandLineOptionPassesTheSameChecks) {
    EXPECT_EQ(
        load("scheduler: slurm\nranks_per_node: 1\nnodes: 2\n", {{"nodes", "1-3"}}).most_nodes(),
        3);
    EXPECT_EQ(load("scheduler: slurm\nranks_per_node: 1\n", {{"time", "00:30:00"}}).wall_time(),
              30min);
    EXPECT_EQ(
        load("scheduler: slurm\nranks_per_node: 1\nnodes: 2\n", {{"nodes", ""}}).fewest_nodes(), 2);
    EXPECT_THAT(refusal("scheduler: slurm\nranks_per_node: 1\nnodes: 2\n", {{"nodes", "none"}}),
                HasSubstr("--nodes: nodes: got 'none'"));
}

TEST_F(SiteProfileTest, AnUnknownNameIsRefusedWithTheNearestKnownOne) {
    const fs::path programs =
        fs::path(DAGAN_SOURCE_DIR) / "build" / "bin"; // profiles lie beside the programs' tree
    EXPECT_EQ(find_site_profile("some/where.yaml", programs), "some/where.yaml");
    EXPECT_TRUE(fs::exists(find_site_profile("example", programs)));
    try {
        find_site_profile("exampel", programs);
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("did you mean 'example'?"));
    }
}

TEST_F(SiteProfileTest, TheShippedProfilesAreValid) {
    int count = 0;
    for (const auto& entry :
         fs::directory_iterator(fs::path(DAGAN_SOURCE_DIR) / "cluster" / "profiles")) {
        EXPECT_NO_THROW(load_site_profile(entry.path())) << entry.path();
        ++count;
    }
    EXPECT_GE(count, 3);
}

} // namespace
} // namespace dagan::launcher
