#include "launcher/supervisor/rank_starter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace dagan::launcher {
namespace {

std::string line(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

TEST(RankStarterTest, MpirunDoesNotBindRanksAndLetsThemYield) {
    EXPECT_EQ(line(mpirun_on_this_machine(3)),
              "mpirun -n 3 --oversubscribe --bind-to none --mca mpi_yield_when_idle 1");
    EXPECT_EQ(line(mpirun_in_allocation(2)),
              "mpirun --map-by ppr:2:node --bind-to none --mca mpi_yield_when_idle 1");
}

TEST(RankStarterTest, SrunEndsTheWholeStepWithAFailedRank) {
    EXPECT_EQ(line(srun_in_allocation("pmix_v4", 2, 4)),
              "srun --mpi=pmix_v4 --kill-on-bad-exit=1 --quit-on-interrupt --ntasks-per-node=2 "
              "--cpus-per-task=4");
}

} // namespace
} // namespace dagan::launcher
