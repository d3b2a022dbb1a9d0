// What a rank does between MPI_Init and its first message: it makes sure that this is one job, tells the others where it runs,
// and refuses together with them when something is wrong (launcher/worker/startup_check.h has the rules). Collective over all ranks.
#pragma once

#include "cluster/mpi/mpi_world.h"
#include "cluster/process/spawner.h"
#include "launcher/worker/startup_check.h"

#include <filesystem>

namespace dagan::launcher {

// The facts of all ranks, checked. Throws Blame::input with the fix when this is not one job but several.
StartupFindings survey_ranks(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
                             const Resources& resources);

// Throws Blame::input with the faults, the same on every rank. Rank 0 leaves the warnings in the log and in the file `warnings`.
void check_start(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
                 const Resources& resources, const std::filesystem::path& warnings);

// `dagan doctor`'s trial job: rank 0 prints what was found, a line each, "fault: ..." or "warning: ...". Returns the exit code.
int probe(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
          const Resources& resources);

} // namespace dagan::launcher
