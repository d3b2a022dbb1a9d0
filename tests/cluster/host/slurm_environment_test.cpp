#include "cluster/host/slurm_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace dagan::cluster {
namespace {

using testing::ElementsAre;

using Settings = std::map<std::string, std::string>;

SlurmEnvironment read(const Settings& settings) {
    return slurm_environment([&](const char* name) {
        const auto found = settings.find(name);
        return found == settings.end() ? nullptr : found->second.c_str();
    });
}

TEST(SlurmEnvironmentTest, OutsideAJobAllValuesAreAbsent) {
    const SlurmEnvironment slurm = read({});
    EXPECT_FALSE(slurm.in_job());
    EXPECT_FALSE(slurm.in_step());
    EXPECT_EQ(slurm.restarts, 0);
    EXPECT_EQ(slurm.tasks, std::nullopt);
    EXPECT_EQ(slurm.end_time_s, std::nullopt);
}

// As set by Slurm 22.05 for rank 3 of a job with 2 nodes x 2 ranks and GPUs 1 and 2 of the second
// node.
TEST(SlurmEnvironmentTest, ARankHasItsPlaceOnTheNodeAndTheStepsGpus) {
    const SlurmEnvironment slurm = read({{"SLURM_JOB_ID", "3"},
                                         {"SLURM_STEP_ID", "0"},
                                         {"SLURM_NTASKS", "8"},
                                         {"SLURM_STEP_NUM_TASKS", "4"},
                                         {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"},
                                         {"SLURM_NODEID", "1"},
                                         {"SLURM_LOCALID", "1"},
                                         {"SLURM_STEP_GPUS", "1,2"},
                                         {"SLURM_CPUS_PER_TASK", "6"}});
    EXPECT_TRUE(slurm.in_step());
    EXPECT_EQ(slurm.tasks, 4) << "that of the step, not of the job";
    EXPECT_EQ(slurm.local_rank, 1);
    EXPECT_EQ(slurm.local_tasks, 2);
    EXPECT_EQ(slurm.cpus_per_task, 6);
    EXPECT_THAT(slurm.gpus, ElementsAre("1", "2"));
}

TEST(SlurmEnvironmentTest, ABatchScriptIsInAJobButInNoStep) {
    const SlurmEnvironment slurm = read({{"SLURM_JOB_ID", "12"},
                                         {"SLURM_RESTART_COUNT", "2"},
                                         {"SLURM_NTASKS", "4"},
                                         {"SLURM_LOCALID", "0"},
                                         {"SLURM_JOB_END_TIME", "1800000000"}});
    EXPECT_TRUE(slurm.in_job());
    EXPECT_FALSE(slurm.in_step());
    EXPECT_EQ(slurm.restarts, 2);
    EXPECT_EQ(slurm.tasks, 4);
    EXPECT_EQ(slurm.local_rank, std::nullopt);
    EXPECT_EQ(slurm.end_time_s, 1800000000);
}

TEST(SlurmEnvironmentTest, InvalidNumbersCountAsAbsent) {
    const SlurmEnvironment slurm = read({{"SLURM_JOB_ID", "12"},
                                         {"SLURM_JOB_END_TIME", "soon"},
                                         {"SLURM_NTASKS", ""},
                                         {"SLURM_RESTART_COUNT", "1x"}});
    EXPECT_EQ(slurm.end_time_s, std::nullopt);
    EXPECT_EQ(slurm.tasks, std::nullopt);
    EXPECT_EQ(slurm.restarts, 0);
}

TEST(SlurmEnvironmentTest, TasksPerNodeAreParsedInTheirShortForm) {
    EXPECT_EQ(tasks_on_node("4", 0), 4);
    EXPECT_EQ(tasks_on_node("4(x2),3", 0), 4);
    EXPECT_EQ(tasks_on_node("4(x2),3", 1), 4);
    EXPECT_EQ(tasks_on_node("4(x2),3", 2), 3);
    EXPECT_EQ(tasks_on_node("4(x2),3", 3), std::nullopt) << "there is no such node";
    for (const char* broken : {"", "x", "4(x", "4(x2", "4(x0)", "4(2)"})
        EXPECT_EQ(tasks_on_node(broken, 0), std::nullopt) << broken;
    EXPECT_EQ(tasks_on_node("4", -1), std::nullopt);
}

std::optional<std::string> unconnected(Settings settings, const std::string& more = "") {
    if (!more.empty()) settings[more] = "0";
    return unconnected_problem([&](const char* name) {
        const auto found = settings.find(name);
        return found == settings.end() ? nullptr : found->second.c_str();
    });
}

TEST(SlurmEnvironmentTest, UnconnectedTasksAreReportedWithAHint) {
    const Settings step{
        {"SLURM_JOB_ID", "3"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}};
    ASSERT_TRUE(unconnected(step).has_value());
    EXPECT_THAT(*unconnected(step), testing::HasSubstr("hint: start with `srun --mpi=pmix`"));
    for (const char* connected : {"PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_SIZE"})
        EXPECT_EQ(unconnected(step, connected), std::nullopt) << connected;
    EXPECT_EQ(
        unconnected({{"SLURM_JOB_ID", "3"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}),
        std::nullopt)
        << "a single task needs no connection";
    EXPECT_EQ(unconnected({{"SLURM_JOB_ID", "3"}, {"SLURM_NTASKS", "4"}}), std::nullopt)
        << "no step: a batch script";
    EXPECT_EQ(unconnected({}), std::nullopt);
}

TEST(SlurmEnvironmentTest, VariablesOfAJobAreRemovedAndThoseOfTheSiteAreKept) {
    const std::vector<std::string> kept = without_job_variables(
        {"PATH=/bin", "SLURM_JOB_ID=7", "SLURM_CONF=/etc/slurm.conf", "SBATCH_PARTITION=x",
         "PMI_RANK=0", "PMIX_NAMESPACE=a", "OMPI_COMM_WORLD_SIZE=4", "OMPI_MCA_ess=pmi",
         "OMPI_MCA_mpi_yield_when_idle=1", "SLURMISH=no", "HOME=/root"});
    EXPECT_THAT(kept, ElementsAre("PATH=/bin", "SLURM_CONF=/etc/slurm.conf",
                                  "OMPI_MCA_mpi_yield_when_idle=1", "SLURMISH=no", "HOME=/root"));
}

} // namespace
} // namespace dagan::cluster
