// The rules that the ranks of a job check before they begin, for faults that would otherwise show
// only hours later, as slowness, as a wrong number, or never.
//
// check_ranks() is pure. rank_startup.h gathers the facts from the ranks.
#pragma once

#include "spec/sweep.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan::launcher {

struct RankFacts {
    int rank = 0;
    // The host name, and the machine's boot id, because one machine may have two names.
    std::string host, machine;
    // The cores in its affinity mask.
    std::vector<int> cores;
    // The number of these, or its CPU quota if that is less.
    int usable_cores = 1;
    // The GPU of its trainers, as Slurm or the driver names it; "" without a GPU.
    std::string gpu;
    // A hash of the programs that this rank runs.
    std::string programs;
    // The likely setter of the affinity mask: "srun", "mpirun" or "", for the hint.
    std::string affinity_fixed;

    DAGAN_FIELDS(rank, host, machine, cores, usable_cores, gpu, programs, affinity_fixed)
    bool operator==(const RankFacts&) const = default;
};
std::string to_text(const RankFacts& facts);
RankFacts facts_from_text(const std::string& text);

// Collects the facts of this rank from the machine and the environment. `gpu`: the value of the
// trainers' CUDA_VISIBLE_DEVICES, "" without. `trainer`: the path of dagan-train.
RankFacts facts_of_this_rank(int rank, const std::string& gpu, const std::string& trainer);

struct StartupFindings {
    // The job must not begin.
    std::vector<std::string> faults;
    // The job may begin, but would be slower or less safe than it could be.
    std::vector<std::string> warnings;
};

// Checks the facts of all ranks. `clocks_s`: the time of day on each rank at the same moment, in
// seconds. Each message includes a fix.
StartupFindings check_ranks(const std::vector<RankFacts>& ranks,
                            const std::vector<double>& clocks_s, const Resources& resources);

} // namespace dagan::launcher
