// Several runs of one campaign at the same time, on a PostgreSQL server of the test's own: whatever becomes of one of them, the
// rows are those of an undisturbed run on SQLite, byte for byte, and every trial counts once.
#include "e2e/disturbed.h"
#include "results/postgresql_server.h"

#include <memory>
#include <optional>
#include <sstream>

namespace dagan {
namespace {

using dagan::results::testing::PostgresqlServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The DAGAN takes long enough to be hit in its midst.
const Words kLonger{"gan.iterations=80", "classifier.epochs=12"};
constexpr int kTasks = 1 + 1 + 2 + 8;

class AllocationsTest : public DisturbedTest {
  protected:
    void SetUp() override {
        if (!PostgresqlServer::shared()) GTEST_SKIP() << "PostgreSQL is not installed here";
        url_ = PostgresqlServer::shared()->new_schema().url();
    }
    // Leases are short, so that the tests are; one that runs out under a living allocation must do no harm either.
    Words words() const {
        return run_words(kSmoke, campaign_, 2, kLonger) + Words{"--store", url_, "--lease", "5"};
    }
    std::unique_ptr<Process> start() const {
        return std::make_unique<Process>(lab_.command(words()), lab_.setting());
    }

    fs::path desk(int allocation) const {
        return allocation == 1 ? campaign_ : campaign_ / "allocations" / std::to_string(allocation);
    }
    Json snapshot(int allocation) const {
        const fs::path path = desk(allocation) / "status.json";
        const Json status =
            fs::exists(path) ? Json::parse(read_file(path), nullptr, false) : Json();
        return status.is_object() && status.at("state") == "running"
                   ? status
                   : Json{{"running", Json::array()}};
    }
    // Which of them is in the first half of the DAGAN, by its own snapshot.
    std::optional<int> trains_the_dagan() const {
        for (const int allocation : {1, 2}) {
            const Json status = snapshot(allocation);
            for (const Json& task : status.at("running")) {
                const bool begun = task.at("step").get<int>() > 0 &&
                                   2 * task.at("step").get<int>() < task.at("steps").get<int>();
                if (begun && task.at("label").get<std::string>().starts_with("gan "))
                    return allocation;
            }
        }
        return std::nullopt;
    }
    pid_t holder(int allocation) const {
        std::string host;
        pid_t pid = 0;
        std::istringstream(read_file(desk(allocation) / "holder")) >> host >> pid;
        return pid;
    }
    // Two allocations, the first of which is in the DAGAN's midst.
    struct Pair {
        std::unique_ptr<Process> trains, other;
    };
    Pair start_pair() const {
        Pair pair{start(), start()};
        std::optional<int> allocation;
        EXPECT_TRUE(comes_true([&] {
            return (allocation = trains_the_dagan()).has_value() &&
                   fs::exists(desk(2) / "status.json");
        }));
        if (allocation && pair.trains->pid() != holder(*allocation))
            std::swap(pair.trains, pair.other);
        EXPECT_TRUE(allocation && pair.trains->pid() == holder(*allocation));
        return pair;
    }
    std::vector<pid_t> processes_below(const Process& supervisor) const {
        std::vector<pid_t> below = processes_of(campaign_);
        std::erase_if(below, [&](pid_t pid) {
            while (pid > 1 && pid != supervisor.pid()) pid = parent_of(pid);
            return pid != supervisor.pid();
        });
        return below;
    }
    void expect_finished(Process& run) const {
        const Finished finished = run.wait();
        EXPECT_EQ(finished.exit_code, 0) << finished.text();
    }
    void expect_all_counted_once() const {
        expect_undisturbed(campaign_, kLonger);
        EXPECT_EQ(lab_.count(campaign_, "attempt WHERE final = 1"), kTasks);
        EXPECT_EQ(lab_.count(campaign_,
                             "(SELECT task FROM attempt WHERE final = 1 GROUP BY task) AS ended"),
                  kTasks);
        EXPECT_EQ(lab_.count(campaign_, "claim WHERE expires > now()"), 0)
            << "a lease was not given back";
        if (!HasFailure()) return;
        std::printf(
            "%s\n",
            lab_.dagan({"results", "query", campaign_.string(),
                        "SELECT token, task, started, ended, outcome, final, error FROM attempt"})
                .out.c_str());
    }

    Laboratory& lab_ = laboratory();
    fs::path campaign_ =
        laboratory().campaign(::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::string url_;
};

TEST_F(AllocationsTest, OneIsKilledInTheDagansMidstAndTheOtherFinishes) {
    Pair pair = start_pair();
    pair.trains->kill(SIGKILL);
    EXPECT_EQ(pair.trains->wait().signal, SIGKILL);
    expect_finished(*pair.other);
    EXPECT_GE(lab_.count(campaign_, "attempt WHERE outcome = 'lost'"), 1)
        << "nothing was killed in its midst";
    expect_all_counted_once();
    EXPECT_FALSE(fs::exists(campaign_ / "results.sqlite"));
}

TEST_F(AllocationsTest, OneLeavesAndAnotherJoins) {
    Pair pair = start_pair();
    pair.trains->kill(SIGUSR1);
    const Finished stopped = pair.trains->wait();
    EXPECT_EQ(stopped.exit_code, 75) << stopped.text();
    EXPECT_TRUE(pair.other->running()) << "a stop is for one allocation alone";
    auto joined = start();
    expect_finished(*pair.other);
    expect_finished(*joined);
    EXPECT_EQ(lab_.count(campaign_, "attempt WHERE outcome = 'lost'"), 0)
        << "what it held was given back, not lost";
    expect_all_counted_once();
}

TEST_F(AllocationsTest, OneIsFrozenForLongerThanItsLeasesAndWakesAgain) {
    Pair pair = start_pair();
    const auto frozen = processes_below(*pair.trains);
    ASSERT_GT(frozen.size(), 4U);
    for (const pid_t pid : frozen) ::kill(pid, SIGSTOP);
    const auto dagans = [&] {
        return lab_.count(campaign_,
                          "attempt a JOIN task t ON t.key = a.task WHERE t.kind = 'gan'");
    };
    EXPECT_TRUE(comes_true([&] { return dagans() >= 2; }))
        << "the other did not take the DAGAN over";
    for (const pid_t pid : frozen) ::kill(pid, SIGCONT);
    expect_finished(*pair.other);
    expect_finished(*pair.trains);
    expect_all_counted_once();
}

TEST_F(AllocationsTest, AJobThatDiesGoesOnWithinItsAllocationWithoutWaitingForItsOwnLeases) {
    auto run = std::make_unique<Process>(lab_.command(run_words(kSmoke, campaign_, 2, kLonger) +
                                                      Words{"--store", url_, "--lease", "3600"}),
                                         lab_.setting());
    ASSERT_TRUE(comes_true([&] { return trains_the_dagan().has_value(); }));
    for (const pid_t pid : processes_of(campaign_, "mpirun")) ::kill(pid, SIGKILL);
    expect_finished(*run);
    EXPECT_EQ(
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"})).at("restarts"),
        1);
    expect_all_counted_once();
}

TEST_F(AllocationsTest, EveryCommandReadsThemAsOneCampaign) {
    Pair pair = start_pair();
    const std::string live = lab_.output({"status", campaign_.string()});
    EXPECT_THAT(live, AllOf(HasSubstr("smoke: running"), HasSubstr("gan strokes")));
    EXPECT_THAT(lab_.output({"explain", campaign_.string(), "gan strokes"}),
                HasSubstr("is running on rank"));
    const Finished stop = lab_.dagan({"stop", campaign_.string()});
    EXPECT_EQ(stop.exit_code, 0) << stop.text();
    EXPECT_EQ(pair.trains->wait().exit_code, 75) << "all are asked";
    EXPECT_EQ(pair.other->wait().exit_code, 75);
    const Json stopped =
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"}));
    EXPECT_EQ(stopped.at("state"), "stopped");
    EXPECT_EQ(stopped.at("tasks").at("running"), 0);
    EXPECT_GE(lab_.count(campaign_, "attempt WHERE ranks LIKE '2:%'"), 1)
        << "the second one's ranks are told from the first's";

    // The campaign knows where its results are.
    const Finished again = lab_.dagan(run_words(kSmoke, campaign_, 2, kLonger));
    EXPECT_EQ(again.exit_code, 0) << again.text();
    expect_all_counted_once();
    EXPECT_EQ(
        Json::parse(lab_.output({"status", campaign_.string(), "--format", "json"})).at("state"),
        "finished");
    EXPECT_THAT(lab_.output({"explain", campaign_.string(), "gan strokes"}),
                AllOf(HasSubstr("is done"), HasSubstr("cost so far")));
    EXPECT_THAT(lab_.output({"logs", campaign_.string(), "gan strokes"}), HasSubstr("begins"));
    EXPECT_THAT(lab_.output({"results", "table1", campaign_.string()}), HasSubstr("strokes"));
    EXPECT_THAT(lab_.output({"results", "report", campaign_.string()}), HasSubstr("index.html"));
    EXPECT_TRUE(fs::exists(campaign_ / "report" / "index.html"));
    EXPECT_THAT(lab_.output({"reproduce", campaign_.string(), "classifier strokes n=1 m=2 seed=0"}),
                HasSubstr("equal"));
    EXPECT_EQ(lab_.dagan({"stop", campaign_.string()}).exit_code, 2) << "nothing runs";
    for (const char* for_files : {"check", "upgrade", "salvage"}) {
        const Finished refused = lab_.dagan({"results", for_files, campaign_.string()});
        EXPECT_EQ(refused.exit_code, 2) << for_files;
        EXPECT_THAT(refused.err, HasSubstr("pg_dump")) << for_files;
    }
}

TEST_F(AllocationsTest, AnotherStoreOrAnotherFolderIsRefusedWithTheReason) {
    const Finished first = lab_.dagan(run_words(kSmoke, campaign_, 2) + Words{"--store", url_});
    ASSERT_EQ(first.exit_code, 0) << first.text();
    const std::string elsewhere = PostgresqlServer::shared()->new_schema().url();
    const Finished store =
        lab_.dagan(run_words(kSmoke, campaign_, 2) + Words{"--store", elsewhere});
    EXPECT_EQ(store.exit_code, 2);
    EXPECT_THAT(store.err,
                AllOf(HasSubstr("store: the results of this campaign are in"), HasSubstr("hint")));
    const Finished folder =
        lab_.dagan(run_words(kSmoke, lab_.campaign("elsewhere"), 2) + Words{"--store", url_});
    EXPECT_EQ(folder.exit_code, 2);
    EXPECT_THAT(folder.err, HasSubstr("in another folder"));
    const Finished secret = lab_.dagan(run_words(kSmoke, lab_.campaign("secret"), 2) +
                                       Words{"--store", "postgresql://me:tell@host/base"});
    EXPECT_EQ(secret.exit_code, 2);
    EXPECT_THAT(secret.err, HasSubstr(".pgpass"));
    EXPECT_FALSE(fs::exists(lab_.campaign("secret")));
    const Finished nonsense = lab_.dagan(run_words(kSmoke, lab_.campaign("nonsense"), 2) +
                                         Words{"--store", "mysql://host/base"});
    EXPECT_EQ(nonsense.exit_code, 2);
    EXPECT_THAT(nonsense.err, HasSubstr("postgresql://"));
}

} // namespace
} // namespace dagan
