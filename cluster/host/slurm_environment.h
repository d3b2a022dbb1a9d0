// Reads Slurm's environment variables: which job and step this process belongs to, its place on the
// node, the GPUs of the node that belong to the step, and when the allocation ends. Pure: reads
// only the environment it is passed and calls no Slurm command. A value that should be a number and
// is not counts as absent.
//
//     const SlurmEnvironment slurm = slurm_environment(std::getenv);
//     if (slurm.in_step() && slurm.local_rank) use_gpu_number(*slurm.local_rank);
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dagan::cluster {

// Returns the value of a variable, or null; std::getenv is one such function.
using Variables = std::function<const char*(const char* name)>;

struct SlurmEnvironment {
    std::string job_id;             // "" outside a job
    std::string step_id;            // "" outside a step: in the batch script, or in a shell
    int restarts = 0;               // how often Slurm has restarted this job; its id stays the same
    std::optional<int> tasks;       // of the step; outside a step, of the job
    std::optional<int> local_rank;  // among the tasks of the step on this node
    std::optional<int> local_tasks; // number of tasks of the step on this node
    std::optional<int> cpus_per_task;
    // End of the allocation, seconds since 1970. Older versions of Slurm do not set it.
    std::optional<int64_t> end_time_s;
    // Ids of this node's GPUs that belong to the step, as Slurm numbers them.
    std::vector<std::string> gpus;

    bool in_job() const { return !job_id.empty(); }
    bool in_step() const { return !step_id.empty(); }
};

SlurmEnvironment slurm_environment(const Variables& variables);

// Returns the number of tasks on node number `node`, from SLURM_STEP_TASKS_PER_NODE. Example:
// "4(x2),3" means four tasks on each of two nodes and three on the third. Returns nullopt if the
// text does not have this form or there is no such node.
std::optional<int> tasks_on_node(const std::string& tasks_per_node, int node);

// Returns why MPI cannot connect the tasks that srun started, with a hint: no variable tells them
// of each other. Returns nullopt if there is no problem. Call it before MPI_Init, which in this
// case fails with a page of advice on building MPI, or makes every task rank 0 of 1.
std::optional<std::string> unconnected_problem(const Variables& variables);

// Returns whether a variable belongs to a running job or MPI program, so that it must not be passed
// to another job that is submitted, or program that is started, from within. SLURM_CONF and the
// like, which describe the site, do not belong to a job.
bool belongs_to_a_job(const std::string& name);

// Returns the entries ("NAME=value") that do not belong to a job.
std::vector<std::string> without_job_variables(const std::vector<std::string>& environment);

} // namespace dagan::cluster
