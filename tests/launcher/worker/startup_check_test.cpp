// The rules of check_ranks(): each fault by itself with its fix, and a job without faults.
#include "launcher/worker/startup_check.h"

#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

namespace dagan::launcher {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two nodes with two ranks, four cores and two GPUs each.
std::vector<RankFacts> sound_ranks() {
    std::vector<RankFacts> ranks;
    for (int rank = 0; rank < 4; ++rank) {
        const int node = rank / 2, local = rank % 2;
        ranks.push_back({.rank = rank,
                         .host = "n" + std::to_string(node + 1),
                         .machine = "boot-" + std::to_string(node),
                         .cores = {2 * local, 2 * local + 1},
                         .usable_cores = 2,
                         .gpu = std::to_string(local),
                         .programs = "abc",
                         .affinity_fixed = "srun"});
    }
    return ranks;
}
const std::vector<double> kClocks{1000.0, 1000.1, 1000.0, 1000.2};

Resources resources(int gan_ranks, int trainers, int threads) {
    Resources resources;
    resources.gan_ranks = gan_ranks;
    resources.trainers_per_rank = trainers;
    resources.threads_per_trainer = threads;
    return resources;
}

TEST(StartupCheckTest, ASoundJobPasses) {
    const StartupFindings findings = check_ranks(sound_ranks(), kClocks, resources(4, 2, 1));
    EXPECT_THAT(findings.faults, IsEmpty());
    EXPECT_THAT(findings.warnings, IsEmpty());
}

TEST(StartupCheckTest, TwoRanksOnOneGpuAreRefusedIfThereAreGangs) {
    auto ranks = sound_ranks();
    ranks[3].gpu = "0";
    const StartupFindings findings = check_ranks(ranks, kClocks, resources(2, 1, 1));
    EXPECT_THAT(findings.faults,
                ElementsAre(AllOf(HasSubstr("GPU 0 on n2: is used by ranks 2 and 3"),
                                  HasSubstr("hint: start at most one rank for each GPU"))));
    const StartupFindings no_gangs = check_ranks(ranks, kClocks, resources(1, 1, 1));
    EXPECT_THAT(no_gangs.faults, IsEmpty()) << "without gangs it is only slow";
    EXPECT_EQ(no_gangs.warnings.size(), 1U);
}

TEST(StartupCheckTest, EqualGpuNumbersOnDifferentNodesAreDifferentGpus) {
    auto ranks = sound_ranks();
    EXPECT_THAT(check_ranks(ranks, kClocks, resources(4, 1, 1)).faults, IsEmpty());
    for (RankFacts& facts : ranks) facts.gpu = "";
    EXPECT_THAT(check_ranks(ranks, kClocks, resources(4, 1, 1)).faults, IsEmpty())
        << "no GPUs at all";
}

TEST(StartupCheckTest, AOneCoreMaskIsReportedWithTheFixForItsCause) {
    auto ranks = sound_ranks();
    for (RankFacts& facts : ranks) {
        facts.cores = {facts.cores.front()};
        facts.usable_cores = 1;
    }
    const auto warnings = [&] { return check_ranks(ranks, kClocks, resources(1, 2, 2)).warnings; };
    EXPECT_THAT(warnings(),
                ElementsAre(AllOf(HasSubstr("rank 0 on n1 may use 1"),
                                  HasSubstr("hint: set cpus_per_rank: 4 in the site profile")),
                            HasSubstr("rank 2 on n2")));
    for (RankFacts& facts : ranks) facts.affinity_fixed = "mpirun";
    EXPECT_THAT(warnings().front(), HasSubstr("hint: start mpirun with --bind-to none"));
    for (RankFacts& facts : ranks) facts.affinity_fixed = "";
    EXPECT_THAT(warnings().front(), HasSubstr("hint: start it without taskset"));
}

TEST(StartupCheckTest, RanksBoundToTheSameCoresAreCountedTogether) {
    auto ranks = sound_ranks();
    ranks[1].cores = ranks[0].cores;
    EXPECT_THAT(check_ranks(ranks, kClocks, resources(1, 2, 1)).warnings,
                ElementsAre(AllOf(HasSubstr("cores: n1"),
                                  HasSubstr("4 trainers with 1 threads each share 2 cores"))));
}

TEST(StartupCheckTest, AClockOffByMinutesIsReportedOncePerNode) {
    const StartupFindings behind =
        check_ranks(sound_ranks(), {1000, 1000, 820, 820.1}, resources(1, 1, 1));
    EXPECT_THAT(behind.faults, ElementsAre(AllOf(HasSubstr("clock: n"), HasSubstr("180 s"),
                                                 HasSubstr("hint: have its clock set"))));
    auto three = sound_ranks();
    three.push_back({.rank = 4,
                     .host = "n3",
                     .machine = "boot-3",
                     .cores = {0, 1},
                     .usable_cores = 2,
                     .gpu = "",
                     .programs = "abc",
                     .affinity_fixed = ""});
    EXPECT_THAT(check_ranks(three, {1000, 1000, 1000, 1000, 1240}, resources(1, 1, 1)).faults,
                ElementsAre(AllOf(HasSubstr("clock: n3 is 240 s ahead of the others"),
                                  HasSubstr("--exclude=n3"))));
    EXPECT_THAT(check_ranks(three, {1000, 1000, 1000, 1000, 1010}, resources(1, 1, 1)).faults,
                IsEmpty())
        << "a few seconds are tolerated";
}

TEST(StartupCheckTest, OtherProgramsOnOneNodeAreRefused) {
    auto ranks = sound_ranks();
    ranks[2].programs = "other";
    EXPECT_THAT(
        check_ranks(ranks, kClocks, resources(1, 1, 1)).faults,
        ElementsAre(AllOf(HasSubstr("programs: rank 2 on n2 runs other files than rank 0 on n1"),
                          HasSubstr("hint:"))));
}

TEST(StartupCheckTest, FactsSurviveEncoding) {
    const RankFacts facts = sound_ranks()[3];
    EXPECT_EQ(facts_from_text(to_text(facts)), facts);
    const RankFacts mine = facts_of_this_rank(7, "GPU-1", "/proc/self/exe");
    EXPECT_EQ(mine.rank, 7);
    EXPECT_FALSE(mine.host.empty());
    EXPECT_FALSE(mine.cores.empty());
    EXPECT_LE(mine.usable_cores, static_cast<int>(mine.cores.size()));
    EXPECT_EQ(facts_from_text(to_text(mine)), mine);
}

} // namespace
} // namespace dagan::launcher
