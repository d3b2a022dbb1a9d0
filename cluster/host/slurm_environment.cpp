#include "cluster/host/slurm_environment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace dagan::cluster {

namespace {
std::string text_of(const Variables& variables, const char* name) {
    const char* value = variables(name);
    return value == nullptr ? "" : value;
}

template <class T> std::optional<T> number_in(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

template <class T> std::optional<T> number_of(const Variables& variables, const char* name) {
    return number_in<T>(text_of(variables, name));
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const size_t end = std::min(text.find(separator), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}
} // namespace

SlurmEnvironment slurm_environment(const Variables& variables) {
    SlurmEnvironment slurm;
    slurm.job_id = text_of(variables, "SLURM_JOB_ID");
    slurm.step_id = text_of(variables, "SLURM_STEP_ID");
    slurm.restarts = number_of<int>(variables, "SLURM_RESTART_COUNT").value_or(0);
    slurm.tasks = number_of<int>(variables, "SLURM_STEP_NUM_TASKS");
    if (!slurm.tasks) slurm.tasks = number_of<int>(variables, "SLURM_NTASKS");
    slurm.cpus_per_task = number_of<int>(variables, "SLURM_CPUS_PER_TASK");
    slurm.end_time_s = number_of<int64_t>(variables, "SLURM_JOB_END_TIME");
    if (!slurm.in_step()) return slurm;
    slurm.local_rank = number_of<int>(variables, "SLURM_LOCALID");
    const auto node = number_of<int>(variables, "SLURM_NODEID");
    if (node)
        slurm.local_tasks = tasks_on_node(text_of(variables, "SLURM_STEP_TASKS_PER_NODE"), *node);
    slurm.gpus = split(text_of(variables, "SLURM_STEP_GPUS"), ',');
    return slurm;
}

std::optional<int> tasks_on_node(const std::string& tasks_per_node, int node) {
    if (node < 0) return std::nullopt;
    for (const std::string& group : split(tasks_per_node, ',')) {
        const size_t times = group.find("(x");
        const bool repeated = times != std::string::npos;
        if (repeated && !group.ends_with(')')) return std::nullopt;
        const std::string_view text = group;
        const auto tasks = number_in<int>(text.substr(0, times));
        const auto nodes =
            repeated ? number_in<int>(text.substr(times + 2, text.size() - times - 3)) : 1;
        if (!tasks || !nodes || *nodes < 1) return std::nullopt;
        if (node < *nodes) return tasks;
        node -= *nodes;
    }
    return std::nullopt;
}

std::optional<std::string> unconnected_problem(const Variables& variables) {
    const SlurmEnvironment slurm = slurm_environment(variables);
    if (!slurm.in_step() || slurm.tasks.value_or(1) <= 1) return std::nullopt;
    // Set by srun's plug-ins, or by mpirun.
    for (const char* name : {"PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_SIZE"}) {
        if (variables(name) != nullptr) return std::nullopt;
    }
    return "Slurm started " + std::to_string(*slurm.tasks) +
           " tasks, but MPI connects none of them: srun ran without an MPI plug-in; hint: start "
           "with `srun --mpi=pmix` (`mpi:` in the site profile; `srun --mpi=list` lists the "
           "plug-ins of this site)";
}

bool belongs_to_a_job(const std::string& name) {
    constexpr std::array kSiteVariables{"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT",
                                        "SLURM_TIME_FORMAT"};
    if (std::find(kSiteVariables.begin(), kSiteVariables.end(), name) != kSiteVariables.end())
        return false;
    // The listed OMPI_MCA_ variables are set by mpirun for its ranks; all others are user settings.
    constexpr std::array kJobPrefixes{"SLURM_",
                                      "SLURMD_",
                                      "SBATCH_",
                                      "SALLOC_",
                                      "PMI_",
                                      "PMI2_",
                                      "PMIX_",
                                      "OMPI_COMM_",
                                      "OMPI_UNIVERSE_",
                                      "OMPI_APP_",
                                      "OMPI_MCA_orte_",
                                      "OMPI_MCA_ess",
                                      "OMPI_MCA_pmix",
                                      "OMPI_MCA_initial_",
                                      "OMPI_FILE_LOCATION",
                                      "PRTE_"};
    return std::any_of(kJobPrefixes.begin(), kJobPrefixes.end(),
                       [&](const char* prefix) { return name.starts_with(prefix); });
}

std::vector<std::string> without_job_variables(const std::vector<std::string>& environment) {
    std::vector<std::string> kept;
    std::copy_if(environment.begin(), environment.end(), std::back_inserter(kept),
                 [](const std::string& setting) {
                     return !belongs_to_a_job(setting.substr(0, setting.find('=')));
                 });
    return kept;
}

} // namespace dagan::cluster
