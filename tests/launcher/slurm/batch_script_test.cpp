// The text of the script, and its behaviour when bash runs it with programs that stand in for the
// supervisor and for Slurm.
#include "launcher/slurm/batch_script.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dagan::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

BatchJob job() {
    BatchJob job;
    job.name = "table1";
    job.campaign = "/home/me/campaigns/table1";
    job.programs = "/opt/dagan/bin";
    job.data_folder = "/data/sets";
    job.device = "cpu";
    job.created_by = "dagan 1";
    job.profile.partition = "batch";
    job.profile.nodes = "2";
    job.profile.ranks_per_node = 2;
    job.profile.time = "00:10:00";
    job.profile_path = "cluster/profiles/site.yaml";
    return job;
}

TEST(BatchScriptTest, RequestsTheResourcesOfTheProfile) {
    const std::string script = batch_script(job());
    for (const char* line :
         {"#!/bin/bash\n", "#SBATCH --partition=batch\n", "#SBATCH --nodes=2\n",
          "#SBATCH --ntasks-per-node=2", "#SBATCH --time=00:10:00\n", "#SBATCH --signal=B:USR1@120",
          "#SBATCH --requeue", "#SBATCH --open-mode=append",
          "#SBATCH --output=/home/me/campaigns/table1/logs/slurm-%j.out\n",
          "#SBATCH --comment=/home/me/campaigns/table1\n",
          "srun --mpi=pmix --kill-on-bad-exit=1"}) {
        EXPECT_THAT(script, HasSubstr(line));
    }
    EXPECT_THAT(script, Not(HasSubstr("--gres"))) << "no GPUs were requested";
    EXPECT_THAT(script, Not(HasSubstr("--account"))) << "the site's default";
}

// With two tasks per node, Slurm 22.05 gives a job of 1 to 3 nodes at most two nodes: it counts the
// tasks of one node.
TEST(BatchScriptTest, ForARangeOfNodesItRequestsCoresInsteadOfTasks) {
    BatchJob range = job();
    range.profile.nodes = "1-3";
    range.profile.cpus_per_rank = 4;
    const std::string script = batch_script(range);
    EXPECT_THAT(script, HasSubstr("#SBATCH --nodes=1-3\n#SBATCH --mincpus=8 "));
    EXPECT_THAT(script, Not(HasSubstr("#SBATCH --ntasks-per-node")));
    EXPECT_THAT(script, Not(HasSubstr("#SBATCH --cpus-per-task")));
    EXPECT_THAT(script, HasSubstr("--ntasks-per-node=2 --cpus-per-task=4")) << "srun still does";
}

TEST(BatchScriptTest, RequestsGpusAndTheirKind) {
    BatchJob with_gpus = job();
    with_gpus.profile.gpus_per_node = 4;
    EXPECT_THAT(batch_script(with_gpus), HasSubstr("#SBATCH --gres=gpu:4"));
    EXPECT_THAT(batch_script(with_gpus), Not(HasSubstr("--gpu-bind")))
        << "with none, the ranks cannot tell which GPUs belong to the job";
    with_gpus.profile.gres = "gpu:a100:4";
    EXPECT_THAT(batch_script(with_gpus), HasSubstr("#SBATCH --gres=gpu:a100:4"));
}

TEST(BatchScriptTest, ContainsALeaseOnlyIfOneIsGiven) {
    EXPECT_THAT(batch_script(job()), Not(HasSubstr("--lease")));
    BatchJob with_lease = job();
    with_lease.lease_s = 20;
    EXPECT_THAT(batch_script(with_lease), HasSubstr("--device cpu --lease 20 -- "));
}

TEST(BatchScriptTest, WithMpiMpirunTheRanksAreStartedByMpirun) {
    BatchJob with_mpirun = job();
    with_mpirun.profile.mpi = "mpirun";
    EXPECT_THAT(batch_script(with_mpirun), HasSubstr("mpirun --map-by ppr:2:node --bind-to none"));
    EXPECT_THAT(batch_script(with_mpirun), Not(HasSubstr("    srun")));
}

TEST(BatchScriptTest, PathsWithSpacesAndPercentSignsAreQuoted) {
    BatchJob odd = job();
    odd.campaign = "/home/me/50% of it";
    const std::string script = batch_script(odd);
    EXPECT_THAT(script, HasSubstr("#SBATCH --output=\"/home/me/50%% of it/logs/slurm-%j.out\"\n"));
    EXPECT_THAT(script, HasSubstr("campaign='/home/me/50% of it'\n"));
    odd.campaign = "/home/me/\"it\"";
    EXPECT_THROW(batch_script(odd), Error) << "sbatch could not read it";
}

TEST(BatchScriptTest, WordsForTheShellAreQuotedIfNecessary) {
    EXPECT_EQ(shell_word("/plain/path-1.h5"), "/plain/path-1.h5");
    EXPECT_EQ(shell_word("$HOME/it's"), "'$HOME/it'\\''s'");
    EXPECT_EQ(shell_word(""), "''");
}

// Runs the script with stand-ins for dagan, scontrol and sbatch, each of which records its calls.
class BatchScriptRun : public testing::Test {
  protected:
    void program(const std::string& name, const std::string& body) {
        const fs::path path = temporary_ / name;
        write_atomically(path, "#!/bin/bash\necho \"" + name + " $*\" >>'" + called().string() +
                                   "'\n" + body + "\n");
        fs::permissions(path, fs::perms::owner_all);
    }
    void supervisor(const std::string& body) {
        program("dagan", body);
        program("scontrol", "");
        program("sbatch", "");
        BatchJob mine = job();
        mine.campaign = temporary_.path().string();
        mine.programs = temporary_.path().string();
        write_atomically(temporary_ / "job.sh", batch_script(mine));
    }
    Process::Setting setting() const {
        return {temporary_.path(),
                {"PATH=" + temporary_.path().string() + ":/usr/bin:/bin", "SLURM_JOB_ID=12"}};
    }
    Finished run() { return run_program({"bash", (temporary_ / "job.sh").string()}, setting()); }
    // Starts the script, and signals it once the supervisor has begun.
    Finished run_and_signal(int signal) {
        Process script({"bash", (temporary_ / "job.sh").string()}, setting());
        for (int i = 0; i < 1000 && !fs::exists(temporary_ / "begun"); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        script.kill(signal);
        return script.wait();
    }
    fs::path called() const { return temporary_ / "called"; }
    std::string calls() const { return read_file(called()); }

    // A supervisor that ends with 75 shortly after USR1.
    static constexpr const char* kStops =
        "trap 'sleep 0.2; exit 75' USR1; touch begun; while :; do sleep 0.05; done";
    TemporaryFolder temporary_;
};

TEST_F(BatchScriptRun, EndsWithTheSupervisorsCode) {
    for (const char* code : {"0", "2", "3", "4"}) {
        supervisor(std::string("exit ") + code);
        EXPECT_EQ(std::to_string(run().exit_code), code);
        EXPECT_THAT(calls(), Not(HasSubstr("scontrol"))) << code;
    }
    EXPECT_THAT(calls(), HasSubstr("--data /data/sets --device cpu -- srun --mpi=pmix"));
}

TEST_F(BatchScriptRun, AfterAWarningItWaitsForTheCheckpointsAndRequeues) {
    supervisor(kStops);
    EXPECT_EQ(run_and_signal(SIGUSR1).exit_code, 75);
    EXPECT_THAT(calls(), HasSubstr("scontrol requeue 12"));
    EXPECT_THAT(calls(), Not(HasSubstr("sbatch")));
}

TEST_F(BatchScriptRun, AfterACancelItDoesNotRequeue) {
    supervisor(kStops);
    EXPECT_EQ(run_and_signal(SIGTERM).exit_code, 75);
    EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

TEST_F(BatchScriptRun, AfterAStopSignalToTheRanksItRequeues) {
    supervisor("exit 75");
    EXPECT_EQ(run().exit_code, 75);
    EXPECT_THAT(calls(), HasSubstr("scontrol requeue 12"));
}

TEST_F(BatchScriptRun, WhereJobsMayNotRequeueThemselvesItSubmitsASuccessor) {
    supervisor("exit 75");
    program("scontrol", "exit 1");
    EXPECT_EQ(run().exit_code, 75);
    EXPECT_THAT(calls(), HasSubstr("sbatch --parsable --dependency=afterany:12 " +
                                   (temporary_ / "job.sh").string()));
}

// As in Slurm, the requeue sends TERM to all processes of the job before scontrol has its answer.
TEST_F(BatchScriptRun, TheTermOfItsOwnRequeueDoesNotSubmitASecondJob) {
    supervisor("exit 75");
    program("scontrol",
            "kill -TERM $PPID $$; sleep 0.3; echo answered >>'" + called().string() + "'; exit 1");
    run();
    EXPECT_THAT(calls(), HasSubstr("answered")) << "TERM ended scontrol";
    EXPECT_THAT(calls(), Not(HasSubstr("sbatch")));
}

TEST_F(BatchScriptRun, AFinishedCampaignDoesNotRequeueAfterAWarning) {
    supervisor("trap 'exit 0' USR1; touch begun; while :; do sleep 0.05; done");
    EXPECT_EQ(run_and_signal(SIGUSR1).exit_code, 0);
    EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

} // namespace
} // namespace dagan::launcher
