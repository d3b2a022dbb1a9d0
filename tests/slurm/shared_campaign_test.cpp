// Two one-node Slurm jobs on one campaign, with a PostgreSQL store. One of them dies; the rows must
// equal those of an undisturbed run, and every task must count once.
#include "results/postgresql_server.h"
#include "slurm/slurm_test.h"

#include <set>

namespace dagan {
namespace {

using namespace std::chrono_literals;

// Two one-node jobs that work on one campaign. The nodes reach the server through its socket in a
// shared folder.
class SharedSlurmTest : public SlurmTest {
  protected:
    void SetUp() override {
        SlurmTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        const fs::path folder = sandbox().data().parent_path();
        fs::permissions(folder, fs::perms::group_exec | fs::perms::others_exec,
                        fs::perm_options::add); // for the server's user
        server_ = dagan::results::testing::PostgresqlServer::start(folder);
        if (!server_) GTEST_SKIP() << "PostgreSQL is not installed here";
        const std::string url = server_->new_schema().url();
        profile_ = sandbox().campaign("node-each.yaml");
        write_atomically(profile_, read_file(profile()) + "extra: [--exclusive]\n");
        for (int job = 0; job < 2; ++job) start({"--store", url, "--lease", "10", "--nodes", "1"});
        EXPECT_TRUE(eventually([] { return !running_in(1).empty() && !running_in(2).empty(); }))
            << log();
    }
    static fs::path allocation_dir(int allocation) {
        return allocation == 1 ? campaign() : campaign() / "allocations" / "2";
    }
    static Json running_in(int allocation) {
        const fs::path path = allocation_dir(allocation) / "status.json";
        const Json status =
            fs::exists(path) ? Json::parse(read_file(path), nullptr, false) : Json();
        return status.is_object() ? status.at("running") : Json::array();
    }
    // Returns the number of the job that owns an allocation.
    static std::string job_of_allocation(int allocation) {
        std::string host, pid, job;
        std::istringstream(read_file(allocation_dir(allocation) / "holder")) >> host >> pid >> job;
        return job;
    }
    // Returns the allocation that is in the first half of the DAGAN's training; 0 if none is.
    static int allocation_training_dagan() {
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
    // Kills script, supervisor, ranks and trainers: all processes on the node of the allocation.
    static void kill_allocation(int allocation) {
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
    static int count(const std::string& what) { return sandbox().count(campaign(), what); }
    void expect_each_task_counted_once() {
        expect_undisturbed_rows();
        EXPECT_TRUE(eventually([&] { return cluster_->queue_is_empty(); }, 60s)) << log();
        EXPECT_EQ(count("attempt WHERE final = 1"), count("task"));
        EXPECT_EQ(count("(SELECT task FROM attempt WHERE final = 1 GROUP BY task) AS ended"),
                  count("task"));
        EXPECT_GE(count("attempt WHERE outcome = 'lost'"), 1) << "no task was interrupted";
    }

    std::unique_ptr<dagan::results::testing::PostgresqlServer> server_;
};

TEST_F(SharedSlurmTest, OneJobIsKilledAndTheOtherFinishes) {
    int allocation = 0;
    ASSERT_TRUE(eventually([&] { return (allocation = allocation_training_dagan()) != 0; }, 120s))
        << log();
    kill_allocation(allocation);
    expect_each_task_counted_once();
}

TEST_F(SharedSlurmTest, AJobWhoseNodeCrashesReturnsToItsAllocation) {
    int allocation = 0;
    ASSERT_TRUE(eventually([&] { return (allocation = allocation_training_dagan()) != 0; }, 120s))
        << log();
    const std::string job = job_of_allocation(allocation),
                      node = cluster_->output_on_login({"squeue", "-h", "-j", job, "-o", "%N"});
    cluster_->lab({"kill-node", node});
    expect_each_task_counted_once();
    EXPECT_FALSE(fs::exists(campaign() / "allocations" / "3"));
}

} // namespace
} // namespace dagan
