// Whole campaigns through a real Slurm. The tests disturb the job, the nodes or the controller; the
// rows must equal those of an undisturbed run without Slurm, byte for byte, and no process of the
// campaign may remain.
#include "slurm/slurm_test.h"

namespace dagan {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(SlurmTest, FinishesOnTwoNodesInOneStep) {
    const std::string job = start();
    EXPECT_EQ(cluster_->steps(), 1);
    expect_undisturbed_rows();
    EXPECT_TRUE(eventually([&] { return cluster_->queue_is_empty(); }));
    EXPECT_EQ(calls_of(job), "srun\n") << "a job calls Slurm only once";
    EXPECT_EQ(sandbox().query(campaign(), "SELECT COUNT(DISTINCT host) FROM attempt"), "2")
        << "both nodes worked";
}

TEST_F(SlurmTest, AWarnedJobStopsRequeuesItselfAndFinishes) {
    const std::string job = start();
    wait_until_half_done();
    cluster_->on_login({"scancel", "--batch", "--signal=USR1", job});
    EXPECT_TRUE(eventually([&] {
        return log().find("going back into the queue") != std::string::npos;
    })) << log();
    expect_undisturbed_rows();
    EXPECT_THAT(log(), HasSubstr("working again"));
    EXPECT_TRUE(calls_of(job).starts_with("srun\nscontrol\nsrun\n")) << calls_of(job);
}

// The deadline alone, without Slurm's warning.
TEST_F(SlurmTest, StopsBeforeItsTimeLimitWithoutAWarning) {
    start({"--time", "00:00:50"});
    EXPECT_TRUE(eventually(
        [&] {
            return log().find("going back into the queue") != std::string::npos ||
                   state() == "finished";
        },
        120s));
    EXPECT_THAT(log(), HasSubstr("going back into the queue")) << "it was too quick for this test";
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, APreemptedJobStopsAndReturns) {
    start();
    wait_until_half_done();
    cluster_->on_login(
        {"sbatch", "-p", "high", "-N3", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 3"});
    EXPECT_TRUE(eventually([&] { return state() != "running"; }, 60s));
    expect_undisturbed_rows();
}

// Some sites signal only the ranks at a preemption.
TEST_F(SlurmTest, AStopSignalToTheRanksRequeuesTheJob) {
    const std::string job = start();
    wait_until_half_done();
    cluster_->on_login({"scancel", "--signal=TERM", job}); // the steps, not the script
    EXPECT_TRUE(eventually([&] {
        return log().find("going back into the queue") != std::string::npos;
    })) << log();
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, ACancelledJobStaysCancelledAndCanBeSubmittedAgain) {
    const std::string job = start();
    wait_until_half_done();
    cluster_->on_login({"scancel", job});
    EXPECT_TRUE(eventually([&] { return cluster_->queue_is_empty(); }, 60s));
    std::this_thread::sleep_for(8s);
    EXPECT_TRUE(cluster_->queue_is_empty()) << "the cancelled job was requeued";
    EXPECT_EQ(state(), "stopped");
    const int done = tasks_done(campaign());
    start();
    EXPECT_GE(tasks_done(campaign()), done) << "finished tasks must stay finished";
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, DaganStopEndsTheJobWithoutARequeue) {
    start();
    wait_until_half_done();
    const Finished stop = cluster_->on_login(sandbox().command({"stop", campaign().string()}));
    EXPECT_EQ(stop.exit_code, 0) << stop.text();
    EXPECT_TRUE(eventually([&] { return cluster_->queue_is_empty(); }, 60s));
    EXPECT_THAT(log(), AllOf(HasSubstr("stop requested"), Not(HasSubstr("going back"))));
    EXPECT_EQ(state(), "stopped");
}

TEST_F(SlurmTest, ANodeSetDownIsReplaced) {
    start();
    wait_until_half_done();
    cluster_->on_login({"scontrol", "update", "nodename=n2", "state=down", "reason=test"});
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, SurvivesACrashOfTheNodeThatRunsTheScript) {
    start();
    wait_until_half_done();
    cluster_->lab({"kill-node", "n1"});
    expect_undisturbed_rows();
}

// Its ranks and trainers stay alive while the job runs on other nodes.
TEST_F(SlurmTest, ANodeWithoutNetworkCannotChangeTheCampaign) {
    start();
    wait_until_half_done();
    cluster_->lab({"net-down", "n2"});
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, ANodeWithTheScriptAndWithoutNetworkCannotChangeTheCampaign) {
    start();
    wait_until_half_done();
    cluster_->lab({"net-down", "n1"});
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, SurvivesARestartOfTheController) {
    start();
    wait_until_half_done();
    // The controller saves the state "running" of a job after up to 5 s. Killed earlier, it would
    // restore the job as pending, end it and hold it.
    std::this_thread::sleep_for(6s);
    cluster_->lab({"kill-ctld"});
    std::this_thread::sleep_for(2s);
    cluster_->lab({"start-ctld"});
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, AKilledRankIsReplacedWithoutARequeue) {
    start();
    wait_until_half_done();
    const auto ranks = ranks_of(campaign());
    ASSERT_EQ(ranks.size(), 4U);
    ::kill(ranks[2], SIGKILL);
    expect_undisturbed_rows();
    EXPECT_THAT(
        log(), AllOf(HasSubstr("the MPI job died and is restarted"), Not(HasSubstr("going back"))));
}

TEST_F(SlurmTest, RanksThatMpiDoesNotConnectAreRefusedWithAHint) {
    write_atomically(sandbox().campaign("none.yaml"),
                     std::regex_replace(read_file(profile()), std::regex("pmix"), "none"));
    Args args = submit_args();
    *std::find(args.begin(), args.end(), profile().string()) =
        sandbox().campaign("none.yaml").string();
    EXPECT_EQ(cluster_->on_login(args).exit_code, 0);
    EXPECT_TRUE(eventually(
        [&] {
            return log().find("hint") != std::string::npos ||
                   log().find("srun --mpi=pmix") != std::string::npos;
        },
        60s));
    EXPECT_THAT(log(), HasSubstr("Slurm started 4 tasks, but MPI connects none of them"));
    EXPECT_THAT(log(), HasSubstr("srun --mpi=pmix"));
    EXPECT_TRUE(eventually([&] { return cluster_->queue_is_empty(); }));
}

TEST_F(SlurmTest, DataThatChangedAfterTheSubmissionIsRefused) {
    cluster_->on_login(
        {"scontrol", "update", "partitionname=batch", "state=down"}); // queued, not started
    EXPECT_EQ(cluster_->on_login(submit_args()).exit_code, 0);
    fs::rename(sandbox().data() / "strokes.h5", sandbox().data() / "aside.h5");
    EXPECT_EQ(sandbox()
                  .dagan({"data", "make", "strokes", "--seed", "99", "-o",
                          (sandbox().data() / "strokes.h5").string()})
                  .exit_code,
              0);
    cluster_->on_login({"scontrol", "update", "partitionname=batch", "state=up"});
    EXPECT_TRUE(eventually([&] { return log().find("hint") != std::string::npos; }, 60s));
    fs::rename(sandbox().data() / "aside.h5", sandbox().data() / "strokes.h5");
    EXPECT_THAT(log(), AllOf(HasSubstr("is not what was submitted"),
                             HasSubstr("data set strokes: sha256")));
    EXPECT_TRUE(eventually([&] { return cluster_->queue_is_empty(); }));
}

TEST_F(SlurmTest, DataIsReadFromTheScratchFolderOfTheNode) {
    write_atomically(sandbox().campaign("scratch.yaml"),
                     read_file(profile()) +
                         "scratch: /tmp/scratch-$SLURM_JOB_ID\n"); // each node has its own /tmp
    Args args = submit_args();
    *std::find(args.begin(), args.end(), profile().string()) =
        sandbox().campaign("scratch.yaml").string();
    EXPECT_EQ(cluster_->on_login(args).exit_code, 0);
    EXPECT_TRUE(eventually([] { return tasks_done(campaign()) >= 0; })) << log();
    for (const pid_t trainer : processes_of(campaign(), "dagan-train")) {
        std::ifstream file("/proc/" + std::to_string(trainer) + "/cmdline");
        const std::string line((std::istreambuf_iterator<char>(file)), {});
        EXPECT_THAT(line, HasSubstr("/tmp/scratch-"))
            << "the trainer reads the shared folder instead";
    }
    expect_undisturbed_rows();
    EXPECT_TRUE(eventually([&] { return cluster_->queue_is_empty(); }));
    for (const char* node : {"n1", "n2"})
        EXPECT_EQ(cluster_->lab({"on", node, "sh", "-c", "ls -A /tmp/scratch-*"}).out, "")
            << "the copy was left on " << node;
}

// Results do not depend on the number of nodes, nor on its change after a requeue.
TEST_F(SlurmTest, UsesAsManyNodesOfItsRangeAsAreAvailable) {
    cluster_->on_login({"scontrol", "update", "nodename=n3", "state=down", "reason=test"});
    const std::string job = start({"--nodes", "1-3"});
    const auto nodes = [&] {
        return cluster_->output_on_login({"squeue", "-h", "-j", job, "-t", "RUNNING", "-o", "%D"});
    };
    EXPECT_EQ(nodes(), "2");
    EXPECT_EQ(ranks_of(campaign()).size(), 4U);
    wait_until_half_done();
    cluster_->on_login({"scontrol", "update", "nodename=n3", "state=resume"});
    cluster_->on_login({"scancel", "--batch", "--signal=USR1", job});
    EXPECT_TRUE(eventually([&] { return nodes() == "3"; }, 60s)) << log();
    EXPECT_TRUE(eventually([] { return ranks_of(campaign()).size() == 6; }));
    expect_undisturbed_rows();
}

// For an Open MPI built without Slurm's PMIx: mpirun starts the ranks, and calls srun itself for
// its daemons.
class MpirunSlurmTest : public SlurmTest {
  protected:
    void SetUp() override {
        SlurmTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        profile_ = sandbox().campaign("mpirun.yaml");
        write_atomically(profile_, std::regex_replace(read_file(profile()), std::regex("mpi: pmix"),
                                                      "mpi: mpirun"));
        job_ = start();
        wait_until_half_done();
        EXPECT_EQ(ranks_of(campaign()).size(), 4U);
    }
    std::string job_;
};

TEST_F(MpirunSlurmTest, AWarnedJobStopsRequeuesItselfAndFinishes) {
    cluster_->on_login({"scancel", "--batch", "--signal=USR1", job_});
    EXPECT_TRUE(eventually([&] {
        return log().find("going back into the queue") != std::string::npos;
    })) << log();
    expect_undisturbed_rows();
    EXPECT_EQ(sandbox().query(campaign(), "SELECT COUNT(DISTINCT host) FROM attempt"), "2")
        << "both nodes worked";
}

TEST_F(MpirunSlurmTest, AKilledRankIsReplacedWithoutARequeue) {
    ::kill(ranks_of(campaign()).at(2), SIGKILL);
    expect_undisturbed_rows();
    EXPECT_THAT(
        log(), AllOf(HasSubstr("the MPI job died and is restarted"), Not(HasSubstr("going back"))));
}

TEST_F(MpirunSlurmTest, SurvivesACrashOfANode) {
    cluster_->lab({"kill-node", "n2"});
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, ASecondSubmissionOfARunningCampaignIsRefused) {
    start();
    const Finished second = cluster_->on_login(submit_args());
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.err, HasSubstr("is running now; hint: watch it with `dagan status`"));
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, ASubmissionFromWithinAJobIsAJobOfItsOwn) {
    const Finished submitted =
        cluster_->on_login(Args{"srun", "-N1", "-n1", "--mpi=pmix"} + submit_args());
    EXPECT_EQ(submitted.exit_code, 0) << submitted.text();
    EXPECT_TRUE(eventually([] { return tasks_done(campaign()) >= 0; })) << log();
    EXPECT_EQ(ranks_of(campaign()).size(), 4U);
    expect_undisturbed_rows();
}

TEST_F(SlurmTest, ADryRunPrintsTheScriptAndChangesNothing) {
    const Finished dry = cluster_->on_login(submit_args({"--dry-run"}));
    EXPECT_EQ(dry.exit_code, 0) << dry.text();
    EXPECT_THAT(dry.out, AllOf(HasSubstr("#!/bin/bash"), HasSubstr("#SBATCH --signal=B:USR1@120")));
    EXPECT_THAT(dry.err, AllOf(HasSubstr("lab: 16 tasks on 2 nodes x 2 ranks"),
                               HasSubstr("rank hours"), HasSubstr("jobs")));
    EXPECT_FALSE(fs::exists(campaign()));
    EXPECT_TRUE(cluster_->queue_is_empty());
}

TEST_F(SlurmTest, DoctorPassesInAJobOfTheProfile) {
    const Finished doctor = cluster_->on_login(
        {"salloc", "-N2", "--ntasks-per-node=2", "-Q", (kBin / "dagan").string(), "doctor",
         sweep().string(), "--profile", profile().string(), "-o", campaign().string()});
    EXPECT_EQ(doctor.exit_code, 0) << doctor.text();
    EXPECT_THAT(doctor.out,
                AllOf(HasSubstr("ranks: 4 found each other"), HasSubstr("within Slurm job")));
}

} // namespace
} // namespace dagan
