// A site profile (cluster/profiles/SITE.yaml): what a job needs to know of the place it runs at, and nothing of the sweep. Read
// as strictly as a sweep: an unknown key, a wrong type or a value out of its range is one message each, with file and line.
#pragma once

#include "spec/fields.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

DAGAN_ENUM(Scheduler, slurm, none)

struct SiteProfile {
    Scheduler scheduler = Scheduler::slurm;
    std::string partition, account;
    std::string nodes = "1"; // "4", or "2-4": as many of these as Slurm can give at once
    int ranks_per_node = 1, cpus_per_rank = 1, gpus_per_node = 0;
    std::string gres; // when gpu:N is not enough, such as gpu:a100:4
    std::string time = "01:00:00";
    std::string mpi = "pmix"; // a plug-in of `srun --mpi=list`, or mpirun
    std::vector<std::string> setup, extra;
    std::string scratch; // "": read the data where it is

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("scheduler", self.scheduler, "slurm, or none for a machine without a queue");
        visit("partition", self.partition,
              "partition to submit to; the site's default when left out");
        visit("account", self.account, "account that is charged; yours when left out");
        visit("nodes", self.nodes, "nodes of a job: 4, or 2-4 for as many of these as are free");
        visit("ranks_per_node", self.ranks_per_node,
              "MPI ranks on each node; one for each GPU where there are GPUs");
        visit("cpus_per_rank", self.cpus_per_rank, "cores of a rank, shared by its trainers");
        visit("gpus_per_node", self.gpus_per_node, "GPUs of each node");
        visit("gres", self.gres, "what to ask Slurm for instead of gpu:N, such as gpu:a100:4");
        visit("time", self.time,
              "wall time of a job as Slurm writes it: 01:30:00, 2-00:00:00, or minutes");
        visit("mpi", self.mpi,
              "MPI plug-in of srun (see `srun --mpi=list`), or mpirun to start ranks without srun");
        visit("setup", self.setup,
              "shell lines before the programs start: module load ..., export ...");
        visit("scratch", self.scratch,
              "folder on each node's own disk to copy the data sets to; variables are expanded on "
              "the node");
        visit("extra", self.extra, "further #SBATCH options, such as --qos=long");
    }
    bool operator==(const SiteProfile&) const = default;

    int fewest_nodes() const; // of the range `nodes`
    int most_nodes() const;
    int fewest_ranks() const { return fewest_nodes() * ranks_per_node; } // what a job can rely on
    std::chrono::seconds wall_time() const;
    bool uses_mpirun() const { return mpi == "mpirun"; }
};

// Reads and checks a profile, with some values replaced ("nodes", "3"; an empty one replaces nothing). Throws Blame::input with
// one line per problem.
SiteProfile load_site_profile(const std::filesystem::path& path,
                              const std::map<std::string, std::string>& instead = {});

// The file of `--profile TEXT`: a path to a .yaml file, or the name of one in cluster/profiles below the present folder or beside
// the programs. Throws Blame::input with the names there are.
std::filesystem::path find_site_profile(const std::string& text,
                                        const std::filesystem::path& program_folder);

// "01:30:00", "90", "90:00", "1-12", "1-12:30", "1-12:30:00" as Slurm reads them; nothing when it is none of these or zero.
std::optional<std::chrono::seconds> parse_wall_time(const std::string& text);

} // namespace dagan::launcher
