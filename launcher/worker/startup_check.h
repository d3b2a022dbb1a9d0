// What the ranks of a job tell each other before they begin, and what is wrong with that: faults that would only show hours
// later, as slowness, as a wrong number, or not at all. Pure: the worker gathers the facts, the rules are here.
#pragma once

#include "spec/sweep.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan::launcher {

struct RankFacts {
    int rank = 0;
    std::string host, machine;  // its name, and its boot id: two names may be one machine
    std::vector<int> cores;     // in its affinity mask
    int usable_cores = 1;       // that mask, or a quota when that is less
    std::string gpu;            // of its trainers, as Slurm or the driver names it; "" without
    std::string programs;       // hash of the programs that this rank runs
    std::string affinity_fixed; // what pinned it to its cores ("srun", "mpirun", ""), for the hint

    DAGAN_FIELDS(rank, host, machine, cores, usable_cores, gpu, programs, affinity_fixed)
    bool operator==(const RankFacts&) const = default;
};
std::string to_text(const RankFacts& facts);
RankFacts facts_from_text(const std::string& text);

// Of this rank, by what the machine and the environment say. `gpu` as in the trainers' CUDA_VISIBLE_DEVICES, "" without.
RankFacts facts_of_this_rank(int rank, const std::string& gpu, const std::string& trainer);

struct StartupFindings {
    std::vector<std::string> faults;   // the job must not begin
    std::vector<std::string> warnings; // it may, and will be slower or less safe than it could be
};

// `clocks_s`: each rank's time of day, taken at one moment.
StartupFindings check_ranks(const std::vector<RankFacts>& ranks,
                            const std::vector<double>& clocks_s, const Resources& resources);

} // namespace dagan::launcher
