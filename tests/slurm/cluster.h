// A real Slurm cluster of three nodes inside this machine (tests/slurm/lab), for tests of whole
// campaigns. Needs root, network namespaces and Slurm's programs: `make setup SLURM=1`.
#pragma once

#include "e2e/sandbox.h"

#include <array>
#include <fstream>

namespace dagan {

// Returns what this machine lacks to run a cluster; "" if nothing.
inline std::string missing_requirement() {
    if (::getuid() != 0) return "needs root";
    const std::array paths{"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
    for (const char* program :
         {"slurmctld", "slurmd", "munged", "sbatch", "srun", "ip", "unshare", "nsenter"}) {
        const bool found = std::any_of(paths.begin(), paths.end(), [&](const char* path) {
            return fs::exists(fs::path(path) / program);
        });
        if (!found) return std::string(program) + " is not installed; hint: make setup SLURM=1";
    }
    if (run_program({"unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "true"})
            .exit_code != 0)
        return "this machine does not allow namespaces";
    return "";
}

class Cluster {
  public:
    // Starts three nodes with four cores and four fake GPUs each. `shared`, a folder below /tmp, is
    // visible on all nodes, which otherwise have their own /tmp.
    explicit Cluster(const fs::path& shared) {
        std::string pattern = "/tmp/slXXXXXX"; // short, for the paths of Unix sockets in it
        if (::mkdtemp(pattern.data()) == nullptr)
            throw system_error("mkdtemp: " + errno_text(errno));
        folder_ = pattern;
        fs::permissions(folder_,
                        fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec,
                        fs::perm_options::add);
        setting_ = {shared,
                    {"LAB_DIR=" + folder_.string(), "LAB_NAME=t" + std::to_string(::getpid()),
                     "LAB_NODES=3", "LAB_GPUS=4",
                     "LAB_SHARE=" + shared.string() + " " + kSource.string(),
                     "DAGAN_DATA=" + (shared / "sets").string()}};
        const Finished up = lab({"up"});
        if (up.exit_code != 0) throw system_error("the cluster did not come up: " + up.text());
    }
    ~Cluster() {
        lab({"down"});
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    Finished lab(const Args& args) const {
        return run_program(Args{(kSource / "tests" / "slurm" / "lab").string()} + args, setting_);
    }
    // Runs a command on the login host.
    Finished on_login(const Args& args) const { return lab(Args{"exec"} + args); }
    // Returns the output of a command on the login host, without trailing line breaks.
    std::string output_on_login(const Args& args) const {
        std::string text = on_login(args).out;
        while (!text.empty() && text.back() == '\n') text.pop_back();
        return text;
    }
    // Cancels all jobs, restarts nodes and controller if necessary, and waits until all nodes are
    // idle.
    void heal() const { lab({"heal"}); }

    std::string job_state(const std::string& job) const {
        return output_on_login({"squeue", "-h", "-j", job, "-o", "%T"});
    }
    bool queue_is_empty() const { return output_on_login({"squeue", "-h"}).empty(); }
    // Returns the number of steps of running jobs, without Slurm's own (batch, extern).
    int steps() const {
        int count = 0;
        std::istringstream lines(output_on_login({"squeue", "-h", "-s", "-o", "%i"}));
        for (std::string line; std::getline(lines, line);)
            count +=
                line.find("extern") == std::string::npos && line.find("batch") == std::string::npos;
        return count;
    }

  private:
    fs::path folder_;
    Process::Setting setting_;
};

} // namespace dagan
