// The MPI job this process is a rank of. main makes one, after the Spawner, and passes it down. Errors of MPI are returned and
// thrown as Error, not fatal. No MPI type in this header.
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
    // MPI_Init_thread; MPI is called from this thread alone. Collective in effect: all ranks of the job do it.
    MpiWorld();
    // Neither finalises nor waits: leaving a process without finalize() makes mpirun and srun end the job, which is right after
    // an error.
    ~MpiWorld() = default;
    MpiWorld(const MpiWorld&) = delete;
    MpiWorld& operator=(const MpiWorld&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    std::string host() const;

    // The orderly end: waits for all ranks. Mailboxes and collectives must be gone, nothing may be under way.
    void finalize();
    // Ends all ranks of the job at once with this exit code.
    [[noreturn]] void abort(int exit_code) const;

    // Why this "job" is really several that do not know of each other (`srun --mpi=none` starts every rank as rank 0 of 1), with
    // the fix; nothing when all is well. For the start-up check.
    std::optional<std::string> singletons_problem() const;

  private:
    int rank_ = 0, size_ = 1;
    bool under_mpirun_ = false;
};

// The rule behind singletons_problem(): `slurm_tasks` as in SLURM_STEP_NUM_TASKS or SLURM_NTASKS, nothing outside Slurm.
std::optional<std::string> singletons_problem(int world_size, std::optional<int> slurm_tasks,
                                              bool under_mpirun);

// What each rank says, in the order of ranks, on all of them. Collective over all ranks; waits for the last.
std::vector<std::string> gather_texts(const MpiWorld& world, const std::string& mine);

// Collective over all ranks. Destroy it when nothing is unsent; that waits for nobody.
std::unique_ptr<Mailbox> make_mpi_mailbox(const MpiWorld& world);

// May this member map the other members' memories? Where one of a gang cannot or may not, all exchange messages.
enum class MapOthers { if_possible, never };

// Collectives among `members` (world ranks in gang order, this one among them). Collective over the members and blocks until all
// have called it, so all agents must make the gangs they share in one order: that of the coordinator's messages. `tag` (0..32767)
// differs between gangs that are made at the same time.
std::unique_ptr<GangCollectives>
make_mpi_collectives(const MpiWorld& world, const std::vector<int>& members, int tag,
                     MapOthers map_others = MapOthers::if_possible);

} // namespace dagan::cluster
