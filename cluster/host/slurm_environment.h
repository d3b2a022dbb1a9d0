// What Slurm's variables say about this process: which job and step it belongs to, its place on the node, the GPUs of the node
// that are the job's, and when the allocation ends. Pure: reads the environment it is handed and nothing else, and calls no
// Slurm. Values that are not numbers where numbers belong count as absent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dagan::cluster {

// The value of a variable, or null. std::getenv is one.
using Variables = std::function<const char*(const char* name)>;

struct SlurmEnvironment {
    std::string job_id;             // "" outside a job
    std::string step_id;            // "" outside a step: in the batch script, or in a shell
    int restarts = 0;               // how often Slurm has started this job again; its id stays
    std::optional<int> tasks;       // of the step, else of the job
    std::optional<int> local_rank;  // among the tasks of the step on this node
    std::optional<int> local_tasks; // how many those are
    std::optional<int> cpus_per_task;
    std::optional<int64_t>
        end_time_s; // of the allocation, seconds since 1970; older versions of Slurm do not say
    std::vector<std::string>
        gpus; // ids of this node's GPUs that belong to the step, as Slurm numbers them

    bool in_job() const { return !job_id.empty(); }
    bool in_step() const { return !step_id.empty(); }
};

SlurmEnvironment slurm_environment(const Variables& variables);

// How many tasks node `node` runs, out of SLURM_STEP_TASKS_PER_NODE ("4(x2),3": four on each of two nodes, three on the third).
// Nothing when the text is not of that form or has no such node.
std::optional<int> tasks_on_node(const std::string& tasks_per_node, int node);

// Why MPI could not make one job of the tasks that srun started: nothing tells them of each other. With the fix; nothing when all
// is well. For the time before MPI_Init, which in that case fails with a page of advice on building MPI, or makes every task rank
// 0 of 1.
std::optional<std::string> unconnected_problem(const Variables& variables);

// Does a variable belong to a running job or MPI program, so that it must not reach another one that is submitted or started from
// within? SLURM_CONF and the like, which say where the cluster is, do not.
bool belongs_to_a_job(const std::string& name);

// Of "NAME=value" texts those that do not belong to a job.
std::vector<std::string> without_job_variables(const std::vector<std::string>& environment);

} // namespace dagan::cluster
