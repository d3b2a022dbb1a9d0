// A real Slurm cluster of several nodes within this machine (tests/slurm/lab), for tests of whole campaigns; and what can be seen
// of it from here. Needs root, network namespaces and Slurm's programs: `make setup SLURM=1`.
#pragma once

#include "e2e/laboratory.h"

#include <array>
#include <fstream>

namespace dagan {

// What this machine lacks to run a cluster; "" when it has all.
inline std::string lacking_for_cluster() {
    if (::getuid() != 0) return "needs root";
    const std::array paths{"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
    for (const char* program :
         {"slurmctld", "slurmd", "munged", "sbatch", "srun", "ip", "unshare", "nsenter"}) {
        const bool found = std::any_of(paths.begin(), paths.end(), [&](const char* path) {
            return fs::exists(fs::path(path) / program);
        });
        if (!found) return std::string(program) + " is not there; hint: make setup SLURM=1";
    }
    if (run_program({"unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "true"})
            .exit_code != 0)
        return "namespaces cannot be made here";
    return "";
}

class Cluster {
  public:
    // Up with three nodes of four cores and four fake GPUs; `shared` folders below /tmp are the same on all nodes.
    explicit Cluster(const fs::path& shared) {
        std::string pattern = "/tmp/slXXXXXX"; // paths of sockets below it must stay short
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

    Finished lab(const Words& words) const {
        return run_program(Words{(kSource / "tests" / "slurm" / "lab").string()} + words, setting_);
    }
    // A command on the login host, and what it prints, without the last line break.
    Finished on_login(const Words& words) const { return lab(Words{"exec"} + words); }
    std::string say(const Words& words) const {
        std::string text = on_login(words).out;
        while (!text.empty() && text.back() == '\n') text.pop_back();
        return text;
    }
    // Cancels everything, revives nodes and controller, waits until all is idle.
    void heal() const { lab({"heal"}); }

    std::string job_state(const std::string& job) const {
        return say({"squeue", "-h", "-j", job, "-o", "%T"});
    }
    bool queue_is_empty() const { return say({"squeue", "-h"}).empty(); }
    // Steps of running jobs, but for those of Slurm itself.
    int steps() const {
        int count = 0;
        std::istringstream lines(say({"squeue", "-h", "-s", "-o", "%i"}));
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
