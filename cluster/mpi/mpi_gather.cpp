#include "cluster/mpi/mpi_check.h"
#include "cluster/mpi/mpi_world.h"

#include <mpi.h>

namespace dagan::cluster {

std::vector<std::string> gather_texts(const MpiWorld& world, const std::string& mine) {
    const int length = mpi_count(mine.size());
    std::vector<int> lengths(static_cast<size_t>(world.size())), begins(lengths.size());
    check_mpi(MPI_Allgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, MPI_COMM_WORLD),
              "MPI_Allgather");
    unsigned long total = 0;
    for (size_t rank = 0; rank < lengths.size(); ++rank) {
        begins[rank] = mpi_count(total);
        total += static_cast<unsigned long>(lengths[rank]);
    }
    std::string all(static_cast<size_t>(mpi_count(total)), '\0');
    check_mpi(MPI_Allgatherv(mine.data(), length, MPI_CHAR, all.data(), lengths.data(),
                             begins.data(), MPI_CHAR, MPI_COMM_WORLD),
              "MPI_Allgatherv");
    std::vector<std::string> texts;
    for (size_t rank = 0; rank < lengths.size(); ++rank) {
        texts.push_back(
            all.substr(static_cast<size_t>(begins[rank]), static_cast<size_t>(lengths[rank])));
    }
    return texts;
}

} // namespace dagan::cluster
