// The steps of a rank between MPI_Init and its first message: the ranks exchange facts about their
// machines and check them together, by the rules of startup_check.h. All functions are collective
// over the ranks of `world` and come to the same conclusion on each.
#pragma once

#include "cluster/mpi/mpi_world.h"
#include "cluster/process/spawner.h"
#include "launcher/worker/startup_check.h"

#include <filesystem>

namespace dagan::launcher {

// Gathers and checks the facts of all ranks. `trainer`: how this rank would start a trainer. Throws
// Blame::input with a fix if the ranks were started as separate jobs of one rank each.
StartupFindings survey_ranks(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
                             const Resources& resources);

// Throws Blame::input with the faults, if any. Rank 0 writes warnings to the log and to the file
// `warnings`.
void check_start(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
                 const Resources& resources, const std::filesystem::path& warnings);

// The trial job of `dagan doctor`: rank 0 prints the number of ranks and the findings, one per line
// ("ranks: 4", "fault: ...", "warning: ..."). Returns the exit code.
int probe(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
          const Resources& resources);

} // namespace dagan::launcher
