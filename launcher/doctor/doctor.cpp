#include "launcher/doctor/doctor.h"

#include "base/error.h"
#include "base/gpu_driver.h"
#include "base/host_facts.h"
#include "base/program_folder.h"
#include "base/subprocess.h"
#include "launcher/campaign/campaign.h"
#include "launcher/coordinator/forecast.h"
#include "launcher/slurm/batch_script.h"
#include "launcher/supervisor/rank_starter.h"
#include "sweeps/expand.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
Resources resources_of(const DoctorOptions& options) {
    return options.sweep ? options.sweep->sweep.resources : Resources{};
}

int ranks_here(const DoctorOptions& options) {
    if (options.ranks > 0) return options.ranks;
    if (options.profile) return options.profile->ranks_per_node;
    return std::max(1, resources_of(options).gan_ranks);
}

// Whether this is a node that computes: within a job, or on a machine without a queue.
bool is_compute_node(const DoctorOptions& options) {
    return !options.profile || options.profile->scheduler == Scheduler::none ||
           cluster::slurm_environment(std::getenv).in_job();
}

std::vector<Check> check_profile(const SiteProfile& profile, const Resources& resources) {
    std::vector<Check> checks;
    const int wanted = resources.trainers_per_rank * resources.threads_per_trainer;
    if (profile.cpus_per_rank < wanted) {
        checks.push_back(
            {Severity::warning, fmt::format("profile: cpus_per_rank: {} is too few for {} trainers "
                                            "with {} threads each; hint: set it to {}",
                                            profile.cpus_per_rank, resources.trainers_per_rank,
                                            resources.threads_per_trainer, wanted)});
    }
    if (profile.fewest_ranks() < resources.gan_ranks) {
        checks.push_back(
            {Severity::fault,
             fmt::format("profile: a job may have only {} ranks, but {} train a DAGAN together; "
                         "hint: more nodes, or --set resources.gan_ranks={}",
                         profile.fewest_ranks(), resources.gan_ranks, profile.fewest_ranks())});
    }
    if (checks.empty()) checks.push_back({Severity::fine, "profile: suits the sweep"});
    return checks;
}

Check check_gpus(int ranks, const Resources& resources, int wanted) {
    const GpuSurvey survey = survey_gpus();
    const auto count = static_cast<int>(survey.gpus.size());
    if (count == 0) {
        return {wanted > 0 ? Severity::fault : Severity::fine,
                fmt::format(
                    "GPUs: none: {}{}", survey.problem,
                    wanted > 0
                        ? fmt::format("; the profile says {}; hint: run doctor on a compute node",
                                      wanted)
                        : "")};
    }
    std::string names;
    for (const GpuFacts& gpu : survey.gpus)
        names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", gpu.name, gpu.uuid);
    if (count < ranks) {
        return {
            resources.gan_ranks > 1 ? Severity::fault : Severity::warning,
            fmt::format("GPUs: {} ranks would share {}; hint: start at most one rank per GPU (-n "
                        "{}), and run more trainers on each with resources.trainers_per_rank",
                        ranks, count, count)};
    }
    return {Severity::fine, "GPUs: " + names};
}

// Runs a trial job in which the ranks find each other and end: with the profile's starter within a
// Slurm job, otherwise with mpirun on this machine.
std::vector<Check> try_ranks(const DoctorOptions& options, int ranks) {
    const bool in_slurm = options.profile && options.profile->scheduler == Scheduler::slurm;
    std::vector<std::string> words =
        in_slurm ? rank_starter(*options.profile) : mpirun_on_this_machine(ranks);
    const Resources resources = resources_of(options);
    const fs::path bin = program_folder();
    words.insert(words.end(), {(bin / "dagan-worker").string(), "doctor", "--try-out", "--trainer",
                               (bin / "dagan-train").string(), "--trainers-per-rank",
                               std::to_string(resources.trainers_per_rank), "--threads-per-trainer",
                               std::to_string(resources.threads_per_trainer), "--gan-ranks",
                               std::to_string(resources.gan_ranks)});
    std::vector<std::string> environment = own_environment();
    environment.emplace_back("OMPI_ALLOW_RUN_AS_ROOT=1");
    environment.emplace_back("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    const ProgramOutput job = run_program(words, environment);
    std::vector<Check> checks;
    std::istringstream lines(job.text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("fault: ")) checks.push_back({Severity::fault, line.substr(7)});
        if (line.starts_with("warning: ")) checks.push_back({Severity::warning, line.substr(9)});
        if (line.starts_with("ranks: "))
            checks.push_back({Severity::fine, line + " found each other"});
    }
    if (job.exit_code == 127) {
        checks.push_back(
            {Severity::fault,
             fmt::format(
                 "{}: cannot be started; hint: install Open MPI (make setup), or load its module",
                 words.front())});
    } else if (job.exit_code != 0) {
        checks.push_back(
            {Severity::fault,
             fmt::format("{}: the trial job of {} ranks ended with code {}, see above; hint: "
                         "`mpirun -n 2 hostname` and `srun --mpi=list` show whether MPI works here",
                         words.front(), ranks, job.exit_code)});
    }
    return checks;
}

void append(std::vector<Check>& checks, const std::vector<Check>& more) {
    checks.insert(checks.end(), more.begin(), more.end());
}

results::Location store_of(const DoctorOptions& options) {
    if (!options.store.empty()) return results::Location::parse(options.store);
    const CampaignFolder folder(options.output);
    if (fs::exists(folder.manifest())) return results_of(folder, read_manifest(folder));
    return results::Location::parse(options.sweep ? options.sweep->store : "");
}

std::map<std::string, sweeps::KnownDataset> frozen_data(const fs::path& output) {
    const CampaignFolder folder(output);
    return fs::exists(folder.manifest()) ? read_manifest(folder).known
                                         : std::map<std::string, sweeps::KnownDataset>{};
}
} // namespace

std::vector<Check> examine(const DoctorOptions& options) {
    const Resources resources = resources_of(options);
    const int ranks = ranks_here(options);
    const Check environment = check_inherited_job(std::getenv, ancestor_names());
    std::vector<Check> checks{environment};
    if (is_compute_node(options)) {
        checks.push_back(check_cores(ranks, resources, available_cores(),
                                     static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN))));
        checks.push_back(
            check_gpus(ranks, resources, options.profile ? options.profile->gpus_per_node : 0));
    }
    checks.push_back(check_folder(options.output,
                                  options.sweep ? disk_bytes(sweeps::expand(*options.sweep)) : 0));
    checks.push_back(check_clock(options.output));
    if (const results::Location store = store_of(options); store.is_server())
        checks.push_back(check_store(store));
    if (options.profile) append(checks, check_profile(*options.profile, resources));
    if (options.sweep)
        append(checks,
               check_data(options.sweep->sweep, options.data_folder, frozen_data(options.output)));
    if (environment.severity == Severity::fine && is_compute_node(options))
        append(checks, try_ranks(options, ranks));
    return checks;
}

std::string checks_text(const std::vector<Check>& checks) {
    std::string text;
    for (const Check& check : checks) {
        const char* mark = check.severity == Severity::fine      ? "ok"
                           : check.severity == Severity::warning ? "WARNING"
                                                                 : "FAULT";
        text += fmt::format("{:<8} {}\n", mark, check.text);
    }
    return text;
}

} // namespace dagan::launcher
