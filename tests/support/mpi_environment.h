// The environment of a test under mpirun: the MPI job, and a spawner that was forked before
// MPI_Init. Made by tests/support/mpi_main.cpp.
#pragma once

#include "cluster/mpi/mpi_world.h"
#include "cluster/process/spawner.h"

namespace dagan {

struct MpiEnvironment {
    cluster::Spawner spawner; // first, because it forks
    cluster::MpiWorld world;
};

MpiEnvironment& mpi_environment();

} // namespace dagan
