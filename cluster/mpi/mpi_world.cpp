#include "cluster/mpi/mpi_world.h"

#include "base/error.h"
#include "cluster/mpi/mpi_check.h"

#include <mpi.h>

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <limits>

namespace dagan::cluster {

void check_mpi(int code, const char* call) {
    if (code == MPI_SUCCESS) return;
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
    throw system_error(std::string("MPI: ") + call +
                       " failed: " + std::string(text.data(), static_cast<size_t>(length)));
}

int mpi_count(unsigned long count) {
    require(count <= static_cast<unsigned long>(std::numeric_limits<int>::max()),
            "MPI counts below 2^31");
    return static_cast<int>(count);
}

// OMPI_COMM_WORLD_SIZE is read before MPI_Init, which may set it.
MpiWorld::MpiWorld() : under_mpirun_(std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) {
    int provided = 0;
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN),
              "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
}

std::string MpiWorld::host() const {
    std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
    int length = 0;
    check_mpi(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
    return {name.data(), static_cast<size_t>(length)};
}

void MpiWorld::finalize() { check_mpi(MPI_Finalize(), "MPI_Finalize"); }

void MpiWorld::abort(int exit_code) const {
    // If the network is cut, MPI_Abort may wait for ever; the alarm then ends this process.
    constexpr unsigned kTimeout_s = 5;
    std::signal(SIGALRM, SIG_DFL);
    ::alarm(kTimeout_s);
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code); // MPI_Abort may return while the job is still ending
}

std::optional<std::string> MpiWorld::singletons_problem() const {
    std::optional<int> slurm_tasks;
    // The number of the step replaces that of the job.
    for (const char* name : {"SLURM_NTASKS", "SLURM_STEP_NUM_TASKS"}) {
        if (const char* text = std::getenv(name)) slurm_tasks = std::atoi(text);
    }
    return cluster::singletons_problem(size_, slurm_tasks, under_mpirun_);
}

std::optional<std::string> singletons_problem(int world_size, std::optional<int> slurm_tasks,
                                              bool under_mpirun) {
    if (under_mpirun || !slurm_tasks || *slurm_tasks == world_size) return std::nullopt;
    return "Slurm started " + std::to_string(*slurm_tasks) + " tasks, but MPI connects " +
           std::to_string(world_size) +
           " of them; hint: start with `srun --mpi=pmix` (`srun --mpi=list` lists the plug-ins of "
           "this site)";
}

} // namespace dagan::cluster
