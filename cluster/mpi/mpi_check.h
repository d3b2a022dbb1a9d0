// Private to mpi_*.cpp.
#pragma once

namespace dagan::cluster {

// Throws Blame::system with MPI's own words unless `code` is MPI_SUCCESS. `call` is the function's name.
void check_mpi(int code, const char* call);

// The int MPI takes for a count. Throws Blame::bug beyond 2^31 - 1.
int mpi_count(unsigned long count);

} // namespace dagan::cluster
