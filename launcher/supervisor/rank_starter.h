// The command words that start the ranks of an MPI job, by mpirun or srun. The words of the program
// that runs in each rank (`dagan-worker ...`) follow them. This is their only owner: `dagan run`,
// the batch script of `dagan submit` and the trial job of `dagan doctor` all use these.
#pragma once

#include <string>
#include <vector>

namespace dagan::launcher {

// Starts `ranks` ranks on this machine.
std::vector<std::string> mpirun_on_this_machine(int ranks);

// Starts the ranks on the nodes of the surrounding allocation.
std::vector<std::string> mpirun_in_allocation(int ranks_per_node);

// Starts the ranks as a step of the surrounding Slurm job. `mpi` is a plug-in of `srun --mpi=list`.
// The step ends as a whole when one rank fails.
std::vector<std::string> srun_in_allocation(const std::string& mpi, int ranks_per_node,
                                            int cpus_per_rank);

} // namespace dagan::launcher
