// Helpers for MPI calls. Private to mpi_*.cpp.
#pragma once

namespace dagan::cluster {

// Throws Blame::system with MPI's error text unless `code` is MPI_SUCCESS. `call`: the name of the
// MPI function.
void check_mpi(int code, const char* call);

// Converts a count to MPI's int. Throws Blame::bug if it exceeds 2^31 - 1.
int mpi_count(unsigned long count);

} // namespace dagan::cluster
