#include "launcher/supervisor/rank_starter.h"

#include <fmt/format.h>

namespace dagan::launcher {

namespace {
// A rank that is bound to a core would confine its trainers to it. A waiting rank yields its core.
void add_common_options(std::vector<std::string>& mpirun) {
    mpirun.insert(mpirun.end(), {"--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"});
}
} // namespace

std::vector<std::string> mpirun_on_this_machine(int ranks) {
    std::vector<std::string> words{"mpirun", "-n", std::to_string(ranks), "--oversubscribe"};
    add_common_options(words);
    return words;
}

std::vector<std::string> mpirun_in_allocation(int ranks_per_node) {
    std::vector<std::string> words{"mpirun", "--map-by",
                                   fmt::format("ppr:{}:node", ranks_per_node)};
    add_common_options(words);
    return words;
}

std::vector<std::string> srun_in_allocation(const std::string& mpi, int ranks_per_node,
                                            int cpus_per_rank) {
    return {"srun",
            "--mpi=" + mpi,
            "--kill-on-bad-exit=1",
            "--quit-on-interrupt",
            fmt::format("--ntasks-per-node={}", ranks_per_node),
            fmt::format("--cpus-per-task={}", cpus_per_rank)};
}

} // namespace dagan::launcher
