// The MPI job of which this process is a rank. main constructs one, after the Spawner, and passes
// it on. MPI errors are thrown as Error; they do not end the job. No header except the private
// mpi/mpi_mean.h names an MPI type.
//
//     Spawner spawner;                       // forks, so it comes before MPI_Init
//     MpiWorld world;                        // MPI_Init
//     const auto mailbox = make_mpi_mailbox(world);
//     ...
//     world.finalize();
#pragma once

#include "cluster/gang/gang_collectives.h"
#include "cluster/transport/mailbox.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dagan::cluster {

class MpiWorld {
  public:
    // Initialises MPI; only this thread may call it. In effect collective: all ranks of the job
    // must do it. Throws Blame::system.
    MpiWorld();
    // Neither finalises MPI nor waits. If a process ends without finalize(), mpirun and srun end
    // the job, which is right after an error.
    ~MpiWorld() = default;
    MpiWorld(const MpiWorld&) = delete;
    MpiWorld& operator=(const MpiWorld&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    std::string host() const;

    // The orderly end: waits for all ranks. Mailboxes and collectives must be destroyed first, and
    // no operation may be in progress.
    void finalize();
    // Ends all ranks of the job at once with this exit code.
    [[noreturn]] void abort(int exit_code) const;

    // Returns why this "job" really consists of several unconnected ones, with a hint (`srun
    // --mpi=none` starts every rank as rank 0 of 1); nullopt if there is no problem. For the
    // start-up check.
    std::optional<std::string> singletons_problem() const;

  private:
    int rank_ = 0, size_ = 1;
    bool under_mpirun_ = false;
};

// The rule behind MpiWorld::singletons_problem(). `slurm_tasks`: SLURM_STEP_NUM_TASKS or
// SLURM_NTASKS; nullopt outside Slurm.
std::optional<std::string> singletons_problem(int world_size, std::optional<int> slurm_tasks,
                                              bool under_mpirun);

// Returns the texts of all ranks, by rank, on all ranks. Collective; waits for the last rank.
std::vector<std::string> gather_texts(const MpiWorld& world, const std::string& mine);

// Collective over all ranks. Destroy the mailbox when unsent() is 0; that does not wait.
std::unique_ptr<Mailbox> make_mpi_mailbox(const MpiWorld& world);

// Whether this member may map the memories of the other members. If any member of a gang may not,
// or cannot, all its members exchange messages instead.
enum class MapOthers { if_possible, never };

// Makes the collectives of the gang `members` (world ranks in the order of positions, this rank
// among them). Collective over the members, and waits until all have called it. Therefore all
// agents must make their common gangs in the same order, that of the coordinator's messages.
// `tag` (0..32767) must differ between gangs that are made at the same time.
std::unique_ptr<GangCollectives>
make_mpi_collectives(const MpiWorld& world, const std::vector<int>& members, int tag,
                     MapOthers map_others = MapOthers::if_possible);

} // namespace dagan::cluster
