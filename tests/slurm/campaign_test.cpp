// Whole campaigns through a real Slurm: whatever happens to the job, the nodes or the controller, the rows equal those of an
// undisturbed run on this machine, byte for byte, and no process of ours stays behind.
#include "results/postgresql_server.h"
#include "slurm/cluster.h"

#include <iostream>
#include <regex>
#include <set>

namespace dagan {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSweep = R"(name: lab
seed: 5
seeds: 2
datasets:
  strokes:
    file: strokes.h5
    split: {source: [0, 40], validation: [200, 206], test: [220, 228]}
    cases: {test: 2, validation: 3}
gan: {generator_widths: [8, 8, 8, 8], critic_widths: [8, 8, 8, 8], generator_inner: 1, critic_inner: 1, iterations: 40, batch_size: 8, checkpoints: 2}
classifier: {epochs: 10, growth: 8, softmax: held_out, batch_size: 16}
sweep:
  - {dataset: strokes, samples_per_class: [2, 4], generated_per_real: [0, 1, 3]}
resources: {gan_ranks: 2, threads_per_trainer: 1}
)";

constexpr const char* kProfile = R"(scheduler: slurm
partition: batch
nodes: 2
ranks_per_node: 2
cpus_per_rank: 1
time: "00:10:00"
mpi: pmix
setup: ["export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1", "export PATH=COUNTING:$PATH"]
)";

class SlurmTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        lacking_ = lacking_for_cluster();
        if (!lacking_.empty()) return;
        laboratory().need_strokes();
        write_atomically(sweep(), kSweep);
        write_counting_programs();
        write_atomically(
            profile(),
            std::regex_replace(std::string(kProfile), std::regex("COUNTING"), counting().string()));
        const Finished quiet =
            laboratory().dagan(run_words(sweep(), laboratory().campaign("quiet"), 2));
        ASSERT_EQ(quiet.exit_code, 0) << quiet.text();
        quiet_rows_ = laboratory().rows(laboratory().campaign("quiet"));
        ASSERT_EQ(lines_in(quiet_rows_), 1 + 12);
        cluster_ = std::make_unique<Cluster>(laboratory().data().parent_path());
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    void SetUp() override {
        if (!lacking_.empty()) GTEST_SKIP() << lacking_;
        ASSERT_TRUE(cluster_) << "the cluster did not come up";
    }
    void TearDown() override {
        if (!cluster_) return;
        if (HasFailure())
            std::cout << log()
                      << (fs::exists(campaign() / "logs/job.log")
                              ? read_file(campaign() / "logs/job.log")
                              : "");
        cluster_->heal();
        EXPECT_TRUE(nothing_is_left_of(campaign())) << "processes of the campaign outlived its job";
    }

    static fs::path sweep() { return laboratory().campaign("sweep.yaml"); }
    static fs::path profile() { return laboratory().campaign("site.yaml"); }

    // Slurm's programs as a job finds them: each notes that it was called, and becomes the real one.
    static fs::path counting() { return laboratory().campaign("counting"); }
    static void write_counting_programs() {
        for (const std::string name : {"sbatch", "srun", "scontrol", "squeue", "sinfo", "sacct",
                                       "scancel", "sstat", "sprio"}) {
            const fs::path path = counting() / name;
            write_atomically(path, "#!/bin/sh\necho " + name + " >>" + counting().string() +
                                       "/calls-$SLURM_JOB_ID\nexec /usr/bin/" + name + " \"$@\"\n");
            fs::permissions(path, fs::perms::owner_all);
        }
    }
    static std::string calls_of(const std::string& job) {
        const fs::path path = counting() / ("calls-" + job);
        return fs::exists(path) ? read_file(path) : "";
    }
    // Each test has a campaign named after it.
    static fs::path campaign() {
        const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        return laboratory().campaign(std::string(test->test_suite_name()) + "." + test->name());
    }

    Words submit_words(const Words& more = {}) const {
        return laboratory().command({"submit", sweep().string(), "--profile", profile_.string(),
                                     "-o", campaign().string()}) +
               more;
    }
    // Submits, and returns the job's number when it works.
    std::string start(const Words& more = {}) {
        const Finished submitted = cluster_->on_login(submit_words(more));
        EXPECT_EQ(submitted.exit_code, 0) << submitted.text();
        std::smatch number;
        if (!std::regex_search(submitted.out, number, std::regex("submitted job ([0-9]+)"))) {
            ADD_FAILURE() << submitted.text();
            return "";
        }
        EXPECT_TRUE(comes_true([] { return tasks_done(campaign()) >= 0; }))
            << "the job did not begin: " << log();
        return number[1];
    }
    // Something is half done: at least so many tasks ended and the DAGAN has not.
    void let_it_work() {
        EXPECT_TRUE(comes_true([] { return tasks_done(campaign()) >= 2; }, 120s)) << log();
    }

    std::string state() const {
        const Finished status =
            laboratory().dagan({"status", campaign().string(), "--format", "json"});
        const Json json = Json::parse(status.out, nullptr, false);
        return json.is_object() ? json.at("state").get<std::string>() : status.text();
    }
    void expect_the_undisturbed_rows() {
        ASSERT_TRUE(comes_true([&] { return state() == "finished"; }, 300s)) << state() << '\n'
                                                                             << log();
        EXPECT_EQ(laboratory().rows(campaign()), quiet_rows_);
        print_recoveries();
    }
    // What the supervisor says how long the campaign stood still.
    void print_recoveries() const {
        std::istringstream lines(log());
        for (std::string line; std::getline(lines, line);) {
            if (line.find("working again") != std::string::npos)
                std::cout << "[ RECOVERY ] " << campaign().filename().string() << ": " << line
                          << '\n';
        }
    }
    static std::string log() {
        std::string text;
        std::error_code missing;
        for (fs::directory_iterator entry(campaign() / "logs", missing), end;
             !missing && entry != end; entry.increment(missing)) {
            if (entry->path().filename().string().starts_with("slurm-"))
                text += read_file(entry->path());
        }
        return text;
    }

    // The ranks of a campaign on all nodes, without the spawners that they forked.
    static std::vector<pid_t> ranks_of(const fs::path& folder) {
        const auto workers = processes_of(folder, "dagan-worker");
        std::vector<pid_t> ranks;
        std::copy_if(workers.begin(), workers.end(), std::back_inserter(ranks), [&](pid_t worker) {
            return std::find(workers.begin(), workers.end(), parent_of(worker)) == workers.end();
        });
        return ranks;
    }

    fs::path profile_ = profile();
    static std::string lacking_, quiet_rows_;
    static std::unique_ptr<Cluster> cluster_;
};
std::string SlurmTest::lacking_, SlurmTest::quiet_rows_;
std::unique_ptr<Cluster> SlurmTest::cluster_;

TEST_F(SlurmTest, FinishesOnTwoNodesInOneStep) {
    const std::string job = start();
    EXPECT_EQ(cluster_->steps(), 1);
    expect_the_undisturbed_rows();
    EXPECT_TRUE(comes_true([&] { return cluster_->queue_is_empty(); }));
    EXPECT_EQ(calls_of(job), "srun\n")
        << "with the sbatch that submitted it, two calls of Slurm in all";
    EXPECT_EQ(laboratory().query(campaign(), "SELECT COUNT(DISTINCT host) FROM attempt"), "2")
        << "both nodes worked";
}

TEST_F(SlurmTest, WarnedItStopsGoesBackIntoTheQueueAndFinishes) {
    const std::string job = start();
    let_it_work();
    cluster_->on_login({"scancel", "--batch", "--signal=USR1", job});
    EXPECT_TRUE(comes_true([&] {
        return log().find("going back into the queue") != std::string::npos;
    })) << log();
    expect_the_undisturbed_rows();
    EXPECT_THAT(log(), HasSubstr("working again"));
    EXPECT_TRUE(calls_of(job).starts_with("srun\nscontrol\nsrun\n")) << calls_of(job);
}

// The deadline alone, without Slurm's warning.
TEST_F(SlurmTest, StopsByItselfBeforeItsTimeIsOver) {
    start({"--time", "00:00:50"});
    EXPECT_TRUE(comes_true(
        [&] {
            return log().find("going back into the queue") != std::string::npos ||
                   state() == "finished";
        },
        120s));
    EXPECT_THAT(log(), HasSubstr("going back into the queue")) << "it was too quick for this test";
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, PreemptedItGivesWayAndComesBack) {
    start();
    let_it_work();
    cluster_->on_login(
        {"sbatch", "-p", "high", "-N3", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 3"});
    EXPECT_TRUE(comes_true([&] { return state() != "running"; }, 60s));
    expect_the_undisturbed_rows();
}

// Sites that signal the ranks alone at a preemption.
TEST_F(SlurmTest, RanksThatAreToldToStopBringTheJobBackIntoTheQueue) {
    const std::string job = start();
    let_it_work();
    cluster_->on_login({"scancel", "--signal=TERM", job}); // the steps, not the script
    EXPECT_TRUE(comes_true([&] {
        return log().find("going back into the queue") != std::string::npos;
    })) << log();
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, CancelledItStaysCancelledAndCanBeSubmittedAgain) {
    const std::string job = start();
    let_it_work();
    cluster_->on_login({"scancel", job});
    EXPECT_TRUE(comes_true([&] { return cluster_->queue_is_empty(); }, 60s));
    std::this_thread::sleep_for(8s);
    EXPECT_TRUE(cluster_->queue_is_empty()) << "it came back";
    EXPECT_EQ(state(), "stopped");
    const int done = tasks_done(campaign());
    start();
    EXPECT_GE(tasks_done(campaign()), done) << "what was done stays done";
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, StoppedByHandItWritesCheckpointsAndStaysAway) {
    start();
    let_it_work();
    const Finished stop = cluster_->on_login(laboratory().command({"stop", campaign().string()}));
    EXPECT_EQ(stop.exit_code, 0) << stop.text();
    EXPECT_TRUE(comes_true([&] { return cluster_->queue_is_empty(); }, 60s));
    EXPECT_THAT(log(), AllOf(HasSubstr("stop requested"), Not(HasSubstr("going back"))));
    EXPECT_EQ(state(), "stopped");
}

TEST_F(SlurmTest, ANodeSetDownIsReplaced) {
    start();
    let_it_work();
    cluster_->on_login({"scontrol", "update", "nodename=n2", "state=down", "reason=test"});
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, ACrashOfTheNodeWithTheScriptIsSurvived) {
    start();
    let_it_work();
    cluster_->lab({"kill-node", "n1"});
    expect_the_undisturbed_rows();
}

// Its ranks live on, and so do its trainers; the job runs elsewhere meanwhile.
TEST_F(SlurmTest, ANodeThatLosesItsNetworkIsFencedOff) {
    start();
    let_it_work();
    cluster_->lab({"net-down", "n2"});
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, TheNodeWithTheScriptLosesItsNetworkAndIsFencedOff) {
    start();
    let_it_work();
    cluster_->lab({"net-down", "n1"});
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, TheControllerMayRestart) {
    start();
    let_it_work();
    // Slurm saves within 5 s that a job runs. Killed before that, the controller would take it for waiting, end it and hold it.
    std::this_thread::sleep_for(6s);
    cluster_->lab({"kill-ctld"});
    std::this_thread::sleep_for(2s);
    cluster_->lab({"start-ctld"});
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, AKilledRankCostsSecondsAndNoPlaceInTheQueue) {
    start();
    let_it_work();
    const auto ranks = ranks_of(campaign());
    ASSERT_EQ(ranks.size(), 4U);
    ::kill(ranks[2], SIGKILL);
    expect_the_undisturbed_rows();
    EXPECT_THAT(log(), AllOf(HasSubstr("the MPI job died; it is started again"),
                             Not(HasSubstr("going back"))));
}

TEST_F(SlurmTest, SingletonsAreRefusedWithTheFix) {
    write_atomically(laboratory().campaign("none.yaml"),
                     std::regex_replace(read_file(profile()), std::regex("pmix"), "none"));
    Words words = submit_words();
    *std::find(words.begin(), words.end(), profile().string()) =
        laboratory().campaign("none.yaml").string();
    EXPECT_EQ(cluster_->on_login(words).exit_code, 0);
    EXPECT_TRUE(comes_true(
        [&] {
            return log().find("hint") != std::string::npos ||
                   log().find("srun --mpi=pmix") != std::string::npos;
        },
        60s));
    EXPECT_THAT(log(), HasSubstr("Slurm started 4 tasks, but MPI connects none of them"));
    EXPECT_THAT(log(), HasSubstr("srun --mpi=pmix"));
    EXPECT_TRUE(comes_true([&] { return cluster_->queue_is_empty(); }));
}

TEST_F(SlurmTest, DataThatChangedSinceTheSubmissionIsRefusedWithTheDifference) {
    cluster_->on_login(
        {"scontrol", "update", "partitionname=batch", "state=down"}); // queued, not started
    EXPECT_EQ(cluster_->on_login(submit_words()).exit_code, 0);
    fs::rename(laboratory().data() / "strokes.h5", laboratory().data() / "aside.h5");
    EXPECT_EQ(laboratory()
                  .dagan({"data", "make", "strokes", "--seed", "99", "-o",
                          (laboratory().data() / "strokes.h5").string()})
                  .exit_code,
              0);
    cluster_->on_login({"scontrol", "update", "partitionname=batch", "state=up"});
    EXPECT_TRUE(comes_true([&] { return log().find("hint") != std::string::npos; }, 60s));
    fs::rename(laboratory().data() / "aside.h5", laboratory().data() / "strokes.h5");
    EXPECT_THAT(log(), AllOf(HasSubstr("is not what was submitted"),
                             HasSubstr("data set strokes: sha256")));
    EXPECT_TRUE(comes_true([&] { return cluster_->queue_is_empty(); }));
}

TEST_F(SlurmTest, DataIsReadFromTheNodesScratch) {
    write_atomically(laboratory().campaign("scratch.yaml"),
                     read_file(profile()) +
                         "scratch: /tmp/scratch-$SLURM_JOB_ID\n"); // each node has its own /tmp
    Words words = submit_words();
    *std::find(words.begin(), words.end(), profile().string()) =
        laboratory().campaign("scratch.yaml").string();
    EXPECT_EQ(cluster_->on_login(words).exit_code, 0);
    EXPECT_TRUE(comes_true([] { return tasks_done(campaign()) >= 0; })) << log();
    for (const pid_t trainer : processes_of(campaign(), "dagan-train")) {
        std::ifstream file("/proc/" + std::to_string(trainer) + "/cmdline");
        const std::string line((std::istreambuf_iterator<char>(file)), {});
        EXPECT_THAT(line, HasSubstr("/tmp/scratch-")) << "the trainer reads from the shared folder";
    }
    expect_the_undisturbed_rows();
    EXPECT_TRUE(comes_true([&] { return cluster_->queue_is_empty(); }));
    for (const char* node : {"n1", "n2"})
        EXPECT_EQ(cluster_->lab({"on", node, "sh", "-c", "ls -A /tmp/scratch-*"}).out, "")
            << "the copy was left on " << node;
}

// Two jobs of a node each on one campaign, both at work. The nodes reach the server through its socket in a folder that they
// share.
class SharedSlurmTest : public SlurmTest {
  protected:
    void SetUp() override {
        SlurmTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        const fs::path folder = laboratory().data().parent_path();
        fs::permissions(folder, fs::perms::group_exec | fs::perms::others_exec,
                        fs::perm_options::add); // for the server's user
        server_ = dagan::results::testing::PostgresqlServer::start(folder);
        if (!server_) GTEST_SKIP() << "PostgreSQL is not installed here";
        const std::string url = server_->new_schema().url();
        profile_ = laboratory().campaign("node-each.yaml");
        write_atomically(profile_, read_file(profile()) + "extra: [--exclusive]\n");
        for (int job = 0; job < 2; ++job) start({"--store", url, "--lease", "10", "--nodes", "1"});
        EXPECT_TRUE(comes_true([] { return !running_in(1).empty() && !running_in(2).empty(); }))
            << log();
    }
    static fs::path desk(int allocation) {
        return allocation == 1 ? campaign() : campaign() / "allocations" / "2";
    }
    static Json running_in(int allocation) {
        const fs::path path = desk(allocation) / "status.json";
        const Json status =
            fs::exists(path) ? Json::parse(read_file(path), nullptr, false) : Json();
        return status.is_object() ? status.at("running") : Json::array();
    }
    // The job that holds an allocation, whichever was quicker.
    static std::string job_with(int allocation) {
        std::string host, pid, job;
        std::istringstream(read_file(desk(allocation) / "holder")) >> host >> pid >> job;
        return job;
    }
    // The allocation that is in the DAGAN's first half.
    static int dagans_allocation() {
        for (const int allocation : {1, 2}) {
            const Json running = running_in(allocation);
            for (const Json& task : running) {
                const int step = task.at("step").get<int>();
                if (task.at("label").get<std::string>().starts_with("gan ") && step > 0 &&
                    2 * step < task.at("steps").get<int>())
                    return allocation;
            }
        }
        return 0;
    }
    // Script, supervisor, ranks and trainers, at one blow: all that is on the node of the allocation's ranks.
    static void kill_all_of(int allocation) {
        std::error_code gone;
        std::set<fs::path> nodes;
        for (const pid_t rank : processes_of(campaign(), "dagan-worker")) {
            const std::string line = read_file("/proc/" + std::to_string(rank) + "/cmdline");
            const std::string word =
                std::string("--allocation") + '\0' + std::to_string(allocation);
            if (line.find(word) != std::string::npos)
                nodes.insert(fs::read_symlink("/proc/" + std::to_string(rank) + "/ns/pid", gone));
        }
        EXPECT_EQ(nodes.size(), 1U);
        for (const pid_t pid : processes_of(campaign())) {
            if (nodes.contains(fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/pid", gone)))
                ::kill(pid, SIGKILL);
        }
    }
    static int count(const std::string& what) { return laboratory().count(campaign(), what); }
    void expect_all_counted_once() {
        expect_the_undisturbed_rows();
        EXPECT_TRUE(comes_true([&] { return cluster_->queue_is_empty(); }, 60s)) << log();
        EXPECT_EQ(count("attempt WHERE final = 1"), count("task"));
        EXPECT_EQ(count("(SELECT task FROM attempt WHERE final = 1 GROUP BY task) AS ended"),
                  count("task"));
        EXPECT_GE(count("attempt WHERE outcome = 'lost'"), 1) << "nothing was lost";
    }

    std::unique_ptr<dagan::results::testing::PostgresqlServer> server_;
};

TEST_F(SharedSlurmTest, OneJobIsKilledAndTheOtherFinishes) {
    int allocation = 0;
    ASSERT_TRUE(comes_true([&] { return (allocation = dagans_allocation()) != 0; }, 120s)) << log();
    kill_all_of(allocation);
    expect_all_counted_once();
}

TEST_F(SharedSlurmTest, AJobWhoseNodeCrashesComesBackToItsAllocation) {
    int allocation = 0;
    ASSERT_TRUE(comes_true([&] { return (allocation = dagans_allocation()) != 0; }, 120s)) << log();
    const std::string job = job_with(allocation),
                      node = cluster_->say({"squeue", "-h", "-j", job, "-o", "%N"});
    cluster_->lab({"kill-node", node});
    expect_all_counted_once();
    EXPECT_FALSE(fs::exists(campaign() / "allocations" / "3"));
}

// Results do not depend on how many nodes there are, nor on whether they are as many after a requeue.
TEST_F(SlurmTest, TakesAsManyNodesAsThereAre) {
    cluster_->on_login({"scontrol", "update", "nodename=n3", "state=down", "reason=test"});
    const std::string job = start({"--nodes", "1-3"});
    const auto nodes = [&] {
        return cluster_->say({"squeue", "-h", "-j", job, "-t", "RUNNING", "-o", "%D"});
    };
    EXPECT_EQ(nodes(), "2");
    EXPECT_EQ(ranks_of(campaign()).size(), 4U);
    let_it_work();
    cluster_->on_login({"scontrol", "update", "nodename=n3", "state=resume"});
    cluster_->on_login({"scancel", "--batch", "--signal=USR1", job});
    EXPECT_TRUE(comes_true([&] { return nodes() == "3"; }, 60s)) << log();
    EXPECT_TRUE(comes_true([] { return ranks_of(campaign()).size() == 6; }));
    expect_the_undisturbed_rows();
}

// Where Open MPI was built without Slurm's PMIx: mpirun starts the ranks, and calls srun itself for its daemons.
class MpirunSlurmTest : public SlurmTest {
  protected:
    void SetUp() override {
        SlurmTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        profile_ = laboratory().campaign("mpirun.yaml");
        write_atomically(profile_, std::regex_replace(read_file(profile()), std::regex("mpi: pmix"),
                                                      "mpi: mpirun"));
        job_ = start();
        let_it_work();
        EXPECT_EQ(ranks_of(campaign()).size(), 4U);
    }
    std::string job_;
};

TEST_F(MpirunSlurmTest, WarnedItStopsGoesBackIntoTheQueueAndFinishes) {
    cluster_->on_login({"scancel", "--batch", "--signal=USR1", job_});
    EXPECT_TRUE(comes_true([&] {
        return log().find("going back into the queue") != std::string::npos;
    })) << log();
    expect_the_undisturbed_rows();
    EXPECT_EQ(laboratory().query(campaign(), "SELECT COUNT(DISTINCT host) FROM attempt"), "2")
        << "both nodes worked";
}

TEST_F(MpirunSlurmTest, AKilledRankCostsSecondsAndNoPlaceInTheQueue) {
    ::kill(ranks_of(campaign()).at(2), SIGKILL);
    expect_the_undisturbed_rows();
    EXPECT_THAT(log(), AllOf(HasSubstr("the MPI job died; it is started again"),
                             Not(HasSubstr("going back"))));
}

TEST_F(MpirunSlurmTest, ACrashOfANodeIsSurvived) {
    cluster_->lab({"kill-node", "n2"});
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, ASecondSubmissionOfARunningCampaignIsRefused) {
    start();
    const Finished second = cluster_->on_login(submit_words());
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.err, HasSubstr("is running now; hint: watch it with `dagan status`"));
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, SubmittedFromWithinAnotherJobItIsAJobOfItsOwn) {
    const Finished submitted =
        cluster_->on_login(Words{"srun", "-N1", "-n1", "--mpi=pmix"} + submit_words());
    EXPECT_EQ(submitted.exit_code, 0) << submitted.text();
    EXPECT_TRUE(comes_true([] { return tasks_done(campaign()) >= 0; })) << log();
    EXPECT_EQ(ranks_of(campaign()).size(), 4U);
    expect_the_undisturbed_rows();
}

TEST_F(SlurmTest, ADryRunPrintsTheScriptAndChangesNothing) {
    const Finished dry = cluster_->on_login(submit_words({"--dry-run"}));
    EXPECT_EQ(dry.exit_code, 0) << dry.text();
    EXPECT_THAT(dry.out, AllOf(HasSubstr("#!/bin/bash"), HasSubstr("#SBATCH --signal=B:USR1@120")));
    EXPECT_THAT(dry.err, AllOf(HasSubstr("lab: 16 tasks on 2 nodes x 2 ranks"),
                               HasSubstr("rank hours"), HasSubstr("jobs")));
    EXPECT_FALSE(fs::exists(campaign()));
    EXPECT_TRUE(cluster_->queue_is_empty());
}

TEST_F(SlurmTest, DoctorFindsAJobOfTheProfileSound) {
    const Finished doctor = cluster_->on_login(
        {"salloc", "-N2", "--ntasks-per-node=2", "-Q", (kBin / "dagan").string(), "doctor",
         sweep().string(), "--profile", profile().string(), "-o", campaign().string()});
    EXPECT_EQ(doctor.exit_code, 0) << doctor.text();
    EXPECT_THAT(doctor.out, AllOf(HasSubstr("ranks: 4 have met"), HasSubstr("within Slurm job")));
}

} // namespace
} // namespace dagan
