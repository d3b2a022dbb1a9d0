#include "launcher/doctor/machine_checks.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host_facts.h"
#include "cluster/host/crowding.h"
#include "data/dataset.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <fstream>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
constexpr double kClockTolerance_s = 30;

bool contains(const std::vector<std::string>& names, std::initializer_list<const char*> wanted) {
    return std::any_of(wanted.begin(), wanted.end(), [&](const char* name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    });
}

// Returns the folder, or the nearest existing one above it.
fs::path existing_part(const fs::path& folder) {
    fs::path path = fs::absolute(folder).lexically_normal();
    std::error_code ignored;
    while (!fs::is_directory(path, ignored) && path.has_relative_path()) path = path.parent_path();
    return path;
}

// A small file in a folder, removed by the destructor.
class TrialFile {
  public:
    explicit TrialFile(const fs::path& folder)
        : path_(folder / fmt::format(".dagan-doctor-{}-{}", host_facts().name, ::getpid())) {
        write_atomically(path_, "x");
    }
    ~TrialFile() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    TrialFile(const TrialFile&) = delete;
    TrialFile& operator=(const TrialFile&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

std::string lock_problem(const fs::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(file.get(), F_OFD_SETLK, &lock) == 0 ? "" : errno_text(errno);
}
} // namespace

std::vector<std::string> ancestor_names() {
    std::vector<std::string> names;
    for (pid_t pid = ::getppid(); pid > 0;) {
        std::ifstream file(fmt::format("/proc/{}/stat", pid)); // PID (name) state PARENT ...
        std::string stat;
        std::getline(file, stat);
        const size_t begin = stat.find('('), end = stat.rfind(')');
        if (begin == std::string::npos || end == std::string::npos || end + 4 >= stat.size()) break;
        names.push_back(stat.substr(begin + 1, end - begin - 1));
        pid = std::atoi(stat.c_str() + end + 4);
    }
    return names;
}

Check check_inherited_job(const cluster::Variables& variables,
                          const std::vector<std::string>& ancestors) {
    const auto is_set = [&](const char* name) { return variables(name) != nullptr; };
    const cluster::SlurmEnvironment slurm = cluster::slurm_environment(variables);
    const bool below_mpirun =
        contains(ancestors, {"mpirun", "mpiexec", "orterun", "prterun", "orted", "prted"});
    if (is_set("OMPI_COMM_WORLD_SIZE") || is_set("PMIX_RANK") || is_set("PMI_RANK")) {
        const bool within = below_mpirun || (slurm.in_step() && slurm.tasks.value_or(1) > 1);
        if (within && slurm.tasks.value_or(2) > 1) {
            return {Severity::fault, "environment: this is one of several ranks that mpirun or "
                                     "srun started, and each would start a whole campaign; hint: "
                                     "start `dagan run` by itself; it starts the ranks"};
        }
        if (!slurm.in_step()) {
            return {Severity::fault,
                    "environment: variables of an MPI program are set (OMPI_COMM_WORLD_SIZE, "
                    "PMIX_RANK): ranks started from this shell would be taken for ranks of that "
                    "program; hint: open a new shell, or unset $(env | grep -oE "
                    "'^(OMPI_COMM|PMI)[A-Z_0-9]*')"};
        }
    }
    if (!slurm.in_job()) return {Severity::fine, "environment: no variables of another job"};
    if (contains(ancestors, {"slurmstepd", "salloc", "srun"})) {
        return {Severity::fine, fmt::format("environment: within Slurm job {}", slurm.job_id)};
    }
    return {Severity::fault,
            fmt::format("environment: variables of Slurm job {} are set, but this shell is not "
                        "part of it: mpirun would start its ranks in that job; hint: open a new "
                        "shell, or unset $(env | grep -oE '^SLURM[A-Z_0-9]*')",
                        slurm.job_id)};
}

Check check_cores(int ranks, const Resources& resources, int usable, int online) {
    const int trainers = ranks * resources.trainers_per_rank;
    const auto problem = cluster::crowding_problem(trainers, resources.threads_per_trainer, usable);
    if (!problem) {
        return {Severity::fine, fmt::format("cores: {} for {} trainers with {} threads each",
                                            usable, trainers, resources.threads_per_trainer)};
    }
    if (usable < online && trainers * resources.threads_per_trainer <= online) {
        return {
            Severity::fault,
            fmt::format("cores: this process is bound to {} of {} cores, too few for {} trainers "
                        "with {} threads each; hint: start it without taskset or numactl; in a "
                        "job, ask for cpus_per_rank: {}; with mpirun, use --bind-to none",
                        usable, online, trainers, resources.threads_per_trainer,
                        resources.trainers_per_rank * resources.threads_per_trainer)};
    }
    return {Severity::warning, "cores: " + *problem};
}

Check check_folder(const fs::path& folder, int64_t needed_bytes) {
    const fs::path there = existing_part(folder);
    try {
        const TrialFile trial(there);
        if (const std::string problem = lock_problem(trial.path()); !problem.empty()) {
            return {Severity::fault,
                    fmt::format(
                        "{}: files cannot be locked there: {}; hint: keep campaigns on a file "
                        "system with locks (Lustre has them when mounted with the option flock)",
                        there.string(), problem)};
        }
    } catch (const Error& error) {
        return {
            Severity::fault,
            fmt::format(
                "{}: cannot be written; hint: make room there, or name a writable folder with -o",
                error.what())};
    }
    const fs::space_info space = fs::space(there);
    const auto free = static_cast<int64_t>(space.available);
    if (free < needed_bytes) {
        return {Severity::fault,
                fmt::format("{}: has {} MiB free, the campaign needs about {} MiB; hint: make room "
                            "there, or name another folder with -o",
                            there.string(), free >> 20, needed_bytes >> 20)};
    }
    return {Severity::fine,
            fmt::format("{}: can be written and locked, {} MiB free", there.string(), free >> 20)};
}

Check check_clock(const fs::path& folder) {
    const fs::path there = existing_part(folder);
    try {
        const TrialFile trial(there);
        const auto ahead = fs::file_time_type::clock::now() - fs::last_write_time(trial.path());
        return check_clock_difference(there.string(), std::chrono::duration<double>(ahead).count());
    } catch (const Error& error) {
        return {Severity::warning, fmt::format("clock: cannot be compared with that of {}: {}",
                                               there.string(), error.what())};
    }
}

Check check_clock_difference(const std::string& folder, double ahead_s) {
    if (std::abs(ahead_s) <= kClockTolerance_s)
        return {Severity::fine, "clock: agrees with that of " + folder};
    return {
        Severity::fault,
        fmt::format(
            "clock: this machine is {:.0f} s {} the file server of {}; time limits and the order "
            "of files would be wrong; hint: have the clock set (chronyc makestep, as root)",
            std::abs(ahead_s), ahead_s > 0 ? "ahead of" : "behind", folder)};
}

Check check_store(const results::Location& server) {
    try {
        return check_survey(server.name(), results::survey_server(server));
    } catch (const Error& error) {
        return {Severity::fault, error.what()};
    }
}

Check check_survey(const std::string& server, const results::ServerSurvey& survey) {
    constexpr int kPerAllocation =
        3; // connections; see docs/guide/slurm.md, "A server without root"
    const std::string here = fmt::format("{}: PostgreSQL {} answers, schema '{}' ", server,
                                         survey.version, survey.schema);
    if (survey.schema.empty()) {
        return {
            Severity::fault,
            fmt::format("{}: PostgreSQL {} answers, but this user's search path names no existing "
                        "schema; hint: CREATE SCHEMA, or correct ?options=-csearch_path%3DNAME",
                        server, survey.version)};
    }
    if (survey.state == results::SchemaState::foreign) {
        return {Severity::fault, here + "holds other tables; hint: name another database, or a "
                                        "separate schema with ?options=-csearch_path%3DNAME"};
    }
    if (survey.state == results::SchemaState::empty && !survey.may_create) {
        return {Severity::fault, fmt::format("{}is empty, and this user may not create tables in "
                                             "it; hint: GRANT CREATE ON SCHEMA {} TO the user",
                                             here, survey.schema)};
    }
    if (survey.free_connections < kPerAllocation) {
        return {Severity::warning, fmt::format("{}has {} connections left, an allocation needs {}; "
                                               "hint: raise max_connections of the server",
                                               here, survey.free_connections, kPerAllocation)};
    }
    return {Severity::fine,
            fmt::format("{}{}, {} connections are free", here,
                        survey.state == results::SchemaState::campaign ? "holds a campaign"
                                                                       : "is empty",
                        survey.free_connections)};
}

std::vector<Check> check_data(const Sweep& sweep, const fs::path& data_folder,
                              const std::map<std::string, sweeps::KnownDataset>& frozen) {
    std::vector<Check> checks;
    for (const auto& [name, options] : sweep.datasets) {
        const fs::path path = data_folder / options.file;
        try {
            if (!fs::exists(path))
                throw input_error(path.string() +
                                  ": does not exist; hint: dagan data import, or --data FOLDER");
            const data::DatasetInfo info = data::verify_dataset(path);
            const auto then = frozen.find(name);
            if (then != frozen.end() && then->second.sha256 != info.sha256) {
                throw input_error(
                    fmt::format("{}: is not the data set that the campaign began with: sha256 {} "
                                "now, {} then; hint: restore the old file, or begin a new campaign",
                                path.string(), info.sha256, then->second.sha256));
            }
            checks.push_back(
                {Severity::fine, fmt::format("{}: {} images of {} classes, all checksums correct",
                                             path.string(), info.images, info.classes)});
        } catch (const Error& error) {
            checks.push_back({Severity::fault, error.what()});
        }
    }
    return checks;
}

} // namespace dagan::launcher
