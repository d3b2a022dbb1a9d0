// A site profile (cluster/profiles/SITE.yaml): what a job must know about the site where it runs,
// and nothing about the sweep. Read as strictly as a sweep: an unknown key, a wrong type and a
// value out of range are reported together, one line each with file and line number.
//
//     const auto path = find_site_profile("mysite", program_folder());
//     const SiteProfile profile = load_site_profile(path, {{"time", "02:00:00"}});
//     profile.fewest_ranks(); // nodes x ranks_per_node
#pragma once

#include "spec/fields.h"

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dagan::launcher {

DAGAN_ENUM(Scheduler, slurm, none)

struct SiteProfile {
    Scheduler scheduler = Scheduler::slurm;
    std::string partition, account;
    std::string nodes = "1"; // "4", or the range "2-4"
    int ranks_per_node = 1, cpus_per_rank = 1, gpus_per_node = 0;
    std::string gres; // replaces "gpu:N" if the site requires the kind of GPU, as in "gpu:a100:4"
    std::string time = "01:00:00";
    std::string mpi = "pmix"; // a plug-in of `srun --mpi=list`, or "mpirun"
    std::vector<std::string> setup, extra;
    std::string scratch; // "": data sets are read in place

    static constexpr std::array kRequired{"scheduler", "ranks_per_node"};
    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("scheduler", self.scheduler, "slurm, or none for a machine without a queue");
        visit("partition", self.partition,
              "partition to submit to; the site's default when left out");
        visit("account", self.account,
              "account that is charged; your default account when left out");
        visit("nodes", self.nodes,
              "nodes of a job: 4, or a range such as 2-4, from which Slurm takes as many as are "
              "free");
        visit("ranks_per_node", self.ranks_per_node,
              "MPI ranks on each node; one for each GPU where there are GPUs");
        visit("cpus_per_rank", self.cpus_per_rank, "cores of a rank, shared by its trainers");
        visit("gpus_per_node", self.gpus_per_node, "GPUs of each node");
        visit("gres", self.gres, "resource to request instead of gpu:N, such as gpu:a100:4");
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

    // Ends of the range `nodes`.
    int fewest_nodes() const;
    int most_nodes() const;
    // The number of ranks that every job has.
    int fewest_ranks() const { return fewest_nodes() * ranks_per_node; }
    std::chrono::seconds wall_time() const;
    bool uses_mpirun() const { return mpi == "mpirun"; }
};

// Reads and checks a profile. `replacements` holds values that replace those of the file, by key;
// they pass the same checks, and an empty value replaces nothing. Throws Blame::input with one line
// per problem.
SiteProfile load_site_profile(const std::filesystem::path& path,
                              const std::map<std::string, std::string>& replacements = {});

// Returns the file of `--profile TEXT`: `text` itself if it is a path, else the profile of that
// name in cluster/profiles of the current folder or of the installation of `program_folder`. Throws
// Blame::input with the known names if there is none.
std::filesystem::path find_site_profile(const std::string& text,
                                        const std::filesystem::path& program_folder);

} // namespace dagan::launcher
