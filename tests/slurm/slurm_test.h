// The fixture of all tests with Slurm: a cluster of three nodes, a campaign named after the test,
// and the rows of the same sweep run without Slurm (once per test suite). After each test the
// cluster is healed, and no process of the campaign may remain.
#pragma once

#include "slurm/cluster.h"

#include <iostream>
#include <regex>
#include <sstream>

namespace dagan {

inline constexpr const char* kSweep = R"(name: lab
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

inline constexpr const char* kProfile = R"(scheduler: slurm
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
        missing_ = missing_requirement();
        if (!missing_.empty()) return;
        sandbox().make_strokes();
        write_atomically(sweep(), kSweep);
        write_counting_programs();
        write_atomically(profile(),
                         std::regex_replace(std::string(kProfile), std::regex("COUNTING"),
                                            counting_dir().string()));
        const Finished quiet = sandbox().dagan(run_args(sweep(), sandbox().campaign("quiet"), 2));
        ASSERT_EQ(quiet.exit_code, 0) << quiet.text();
        quiet_rows_ = sandbox().rows(sandbox().campaign("quiet"));
        ASSERT_EQ(lines_in(quiet_rows_), 1 + 12);
        cluster_ = std::make_unique<Cluster>(sandbox().data().parent_path());
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    void SetUp() override {
        if (!missing_.empty()) GTEST_SKIP() << missing_;
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
        EXPECT_TRUE(no_process_left(campaign())) << "processes of the campaign outlived its job";
    }

    static fs::path sweep() { return sandbox().campaign("sweep.yaml"); }
    static fs::path profile() { return sandbox().campaign("site.yaml"); }

    // Wrappers that jobs find before Slurm's programs: each records the call, then executes the
    // real program.
    static fs::path counting_dir() { return sandbox().campaign("counting"); }
    static void write_counting_programs() {
        for (const std::string name : {"sbatch", "srun", "scontrol", "squeue", "sinfo", "sacct",
                                       "scancel", "sstat", "sprio"}) {
            const fs::path path = counting_dir() / name;
            write_atomically(path, "#!/bin/sh\necho " + name + " >>" + counting_dir().string() +
                                       "/calls-$SLURM_JOB_ID\nexec /usr/bin/" + name + " \"$@\"\n");
            fs::permissions(path, fs::perms::owner_all);
        }
    }
    static std::string calls_of(const std::string& job) {
        const fs::path path = counting_dir() / ("calls-" + job);
        return fs::exists(path) ? read_file(path) : "";
    }
    // The test's campaign, named after the test.
    static fs::path campaign() {
        const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        return sandbox().campaign(std::string(test->test_suite_name()) + "." + test->name());
    }

    Args submit_args(const Args& more = {}) const {
        return sandbox().command({"submit", sweep().string(), "--profile", profile_.string(), "-o",
                                  campaign().string()}) +
               more;
    }
    // Submits the campaign, waits for its first snapshot, and returns the job's number.
    std::string start(const Args& more = {}) {
        const Finished submitted = cluster_->on_login(submit_args(more));
        EXPECT_EQ(submitted.exit_code, 0) << submitted.text();
        std::smatch number;
        if (!std::regex_search(submitted.out, number, std::regex("submitted job ([0-9]+)"))) {
            ADD_FAILURE() << submitted.text();
            return "";
        }
        EXPECT_TRUE(eventually([] { return tasks_done(campaign()) >= 0; }))
            << "the job did not start: " << log();
        return number[1];
    }
    // Waits until two tasks are done; the DAGAN has not finished then.
    void wait_until_half_done() {
        EXPECT_TRUE(
            eventually([] { return tasks_done(campaign()) >= 2; }, std::chrono::seconds(120)))
            << log();
    }

    std::string state() const {
        const Finished status =
            sandbox().dagan({"status", campaign().string(), "--format", "json"});
        const Json json = Json::parse(status.out, nullptr, false);
        return json.is_object() ? json.at("state").get<std::string>() : status.text();
    }
    void expect_undisturbed_rows() {
        ASSERT_TRUE(eventually([&] { return state() == "finished"; }, std::chrono::seconds(300)))
            << state() << '\n'
            << log();
        EXPECT_EQ(sandbox().rows(campaign()), quiet_rows_);
        print_downtimes();
    }
    // Prints the supervisor's log lines on how long the campaign was interrupted.
    void print_downtimes() const {
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

    // Returns the ranks of a campaign on all nodes, without the spawners that they forked.
    static std::vector<pid_t> ranks_of(const fs::path& folder) {
        const auto workers = processes_of(folder, "dagan-worker");
        std::vector<pid_t> ranks;
        std::copy_if(workers.begin(), workers.end(), std::back_inserter(ranks), [&](pid_t worker) {
            return std::find(workers.begin(), workers.end(), parent_of(worker)) == workers.end();
        });
        return ranks;
    }

    fs::path profile_ = profile();
    static inline std::string missing_, quiet_rows_;
    static inline std::unique_ptr<Cluster> cluster_;
};

} // namespace dagan
