// New databases from an older schema, from several sites, and from a damaged file.
#include "results/maintenance/upgrade_merge.h"

#include "base/error.h"
#include "base/file.h"
#include "results/campaign_support.h"
#include "results/database/raw_database.h"
#include "results/database/schema.h"
#include "results/maintenance/salvage.h"
#include "results/output/table_text.h"
#include "results/synthetic_campaign.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

namespace dagan::results {
namespace {

namespace fs = std::filesystem;
using namespace testing;

constexpr SyntheticSize kSmall{.epochs = 6, .seeds = 2};

// Every table that an analyst sees.
std::string everything(const fs::path& database) {
    return render_rows(trial_rows(database), TableFormat::csv) +
           render_cells(cell_rows(database), TableFormat::csv) +
           render_table1(table1_rows(database), TableFormat::csv) +
           render_gains(gain_rows(database), TableFormat::csv) +
           render(run_query(database, "SELECT * FROM missing ORDER BY task"), TableFormat::csv) +
           render(run_query(database, "SELECT * FROM cost ORDER BY kind"), TableFormat::csv);
}

// ---- upgrade

class UpgradeTest : public ::testing::Test {
  protected:
    // Writes the database of a campaign in the first version of the schema.
    void make_old() {
        make_synthetic_campaign(folder_ / "new", kSmall);
        RawDatabase db(old());
        ASSERT_EQ(db.execute(read_file(fs::path(DAGAN_SOURCE_DIR) /
                                       "tests/results/maintenance/old_schemas/1.sql")),
                  SQLITE_OK)
            << db.error();
        ASSERT_EQ(db.execute(fmt::format(
                      "PRAGMA application_id = {}; PRAGMA user_version = 1; ATTACH '{}' AS fresh",
                      kSqliteApplicationId, (folder_ / "new/results.sqlite").string())),
                  SQLITE_OK);
        const std::string attempt = "token, task, ranks, host, started, ended, outcome, error, "
                                    "final, charged, device, seconds, steps, seconds_per_step";
        db.execute("BEGIN");
        for (const std::string table : {"campaign", "task", "attempt", "best_epoch", "epoch",
                                        "result", "curve", "artifact"}) {
            const auto columns = table == "attempt" ? attempt : "*";
            const auto into = table == "attempt" ? "attempt (" + attempt + ")" : table;
            ASSERT_EQ(db.execute(fmt::format("INSERT INTO {} SELECT {} FROM fresh.{}", into,
                                             columns, table)),
                      SQLITE_OK)
                << table << ": " << db.error();
        }
        db.execute("COMMIT");
    }
    fs::path old() const { return folder_ / "old.sqlite"; }
    TemporaryFolder folder_;
};

TEST_F(UpgradeTest, AnOldDatabaseCanBeReadButNotWritten) {
    make_old();
    EXPECT_EQ(older_schema(old()), 1);
    EXPECT_EQ(everything(old()), everything(folder_ / "new/results.sqlite"));
    const auto message = refusal([&] { open_sqlite_store(old()); });
    EXPECT_NE(message.find("older version"), std::string::npos) << message;
    EXPECT_NE(message.find("dagan results upgrade"), std::string::npos) << message;
}

TEST_F(UpgradeTest, MigratesEveryRowAndKeepsTheOldFile) {
    make_old();
    const auto before = read_file(old());
    const auto upgraded = upgrade_database(old());
    ASSERT_TRUE(upgraded);
    EXPECT_EQ(upgraded->from, 1);
    EXPECT_EQ(upgraded->to, kSchemaVersion);
    EXPECT_EQ(read_file(upgraded->backup), before);
    EXPECT_FALSE(older_schema(old()));
    EXPECT_EQ(everything(old()), everything(folder_ / "new/results.sqlite"));
    EXPECT_EQ(RawDatabase(old()).value("PRAGMA integrity_check"), "ok");
    const auto store = open_sqlite_store(old());
    store->enter({"synthetic", campaign_of(old()).sweep, "0.2.0", "2026"}, synthetic_plan(kSmall));
    EXPECT_EQ(store->load().size(), synthetic_plan(kSmall).tasks.size());
    store->commit();
    EXPECT_EQ(RawDatabase(old()).execute("UPDATE result SET test_correct = 1"), SQLITE_CONSTRAINT)
        << "the triggers exist";
}

TEST_F(UpgradeTest, ADatabaseOfTheCurrentSchemaIsUnchanged) {
    make_synthetic_campaign(folder_ / "new", kSmall);
    const auto before = read_file(folder_ / "new/results.sqlite");
    EXPECT_FALSE(upgrade_database(folder_ / "new/results.sqlite"));
    EXPECT_EQ(read_file(folder_ / "new/results.sqlite"), before);
}

TEST_F(UpgradeTest, ABackupIsNeverOverwritten) {
    make_old();
    std::ofstream(old().string() + ".schema-1") << "precious";
    EXPECT_NE(refusal([&] { upgrade_database(old()); }).find("already exists"), std::string::npos);
    EXPECT_EQ(read_file(old().string() + ".schema-1"), "precious");
    EXPECT_EQ(older_schema(old()), 1);
}

TEST_F(UpgradeTest, ATableChangedByHandIsRefusedAndUnchanged) {
    make_old();
    ASSERT_EQ(RawDatabase(old()).execute("ALTER TABLE artifact RENAME COLUMN sha256 TO hash"),
              SQLITE_OK);
    const auto before = read_file(old());
    EXPECT_NE(refusal([&] { upgrade_database(old()); }).find("changed by hand"), std::string::npos);
    EXPECT_EQ(read_file(old()), before);
}

// ---- merge

class MergeTest : public ::testing::Test {
  protected:
    struct Trial {
        int n, m, seed, validation, test; // validation 0: failed
    };
    // Creates a site's campaign. A different `threads` gives the tasks different keys.
    MergeSite site(const std::string& name, const std::vector<Trial>& trials,
                   const std::string& host, int threads = 1) {
        Plan plan;
        for (const auto& trial : trials) {
            auto task = classifier("omniglot", trial.n, trial.m, trial.seed);
            task.threads = threads;
            plan.tasks.push_back(planned(task));
        }
        const auto file = folder_ / (name + ".sqlite");
        const auto store = open_sqlite_store(file);
        auto about = campaign();
        about.code_version = "version of " + name;
        store->enter(about, plan);
        for (size_t i = 0; i < trials.size(); ++i) {
            const auto token = store->start_attempt(plan.tasks[i].key, "0", host);
            if (trials[i].validation > 0) {
                store->finish_attempt(
                    scored(plan.tasks[i].key, token, trials[i].validation, trials[i].test), true,
                    false);
            } else {
                store->finish_attempt(ended(plan.tasks[i].key, token, Outcome::died, "at " + name),
                                      true, false);
            }
        }
        store->commit();
        return {name, file};
    }
    fs::path out() const { return folder_ / "merged.sqlite"; }
    TemporaryFolder folder_;
};

TEST_F(MergeTest, ResultsOfAllSitesAreTakenAndTheirOriginIsRecorded) {
    const auto a = site("a", {{5, 0, 0, 800, 700}, {5, 0, 1, 800, 710}}, "node-a");
    const auto b = site("b", {{5, 1, 0, 800, 750}, {5, 1, 1, 0, 0}}, "node-b");
    const auto merged = merge_databases({a, b}, out(), false);
    EXPECT_EQ(merged.results, (std::map<std::string, int64_t>{{"a", 2}, {"b", 1}}));
    EXPECT_EQ(trial_rows(out()).size(), 3u);
    const auto cells = cell_rows(out());
    ASSERT_EQ(cells.size(), 2u);
    EXPECT_EQ(cells[1].missing, 1) << "a trial that no site finished is missing";
    const auto origins = run_query(out(), "SELECT t.generated_per_real, p.site, p.host, "
                                          "p.code_version FROM provenance p JOIN task t ON "
                                          "t.key = p.task ORDER BY t.generated_per_real, t.seed");
    ASSERT_EQ(origins.rows.size(), 3u);
    EXPECT_EQ(origins.rows[0], (std::vector<Value>{int64_t{0}, "a", "node-a", "version of a"}));
    EXPECT_EQ(origins.rows[2], (std::vector<Value>{int64_t{1}, "b", "node-b", "version of b"}));
    EXPECT_EQ(run_query(out(), "SELECT count(*) FROM origin").rows.at(0).at(0), Value(int64_t{4}))
        << "every attempt";
    EXPECT_EQ(RawDatabase(out()).value("PRAGMA integrity_check"), "ok");
}

TEST_F(MergeTest, ATaskFailedAtOneSiteAndFinishedAtAnotherIsFinished) {
    for (const bool failure_first : {true, false}) {
        const auto failed =
            site(fmt::format("failed{}", failure_first), {{5, 0, 0, 0, 0}}, "node-a");
        const auto finished =
            site(fmt::format("finished{}", failure_first), {{5, 0, 0, 800, 700}}, "node-b");
        const auto file = folder_ / fmt::format("merged{}.sqlite", failure_first);
        merge_databases(failure_first ? std::vector{failed, finished}
                                      : std::vector{finished, failed},
                        file, false);
        EXPECT_EQ(trial_rows(file).size(), 1u);
        EXPECT_EQ(run_query(file, "SELECT outcome FROM attempt WHERE final = 1").rows,
                  (std::vector<std::vector<Value>>{{"done"}}));
        EXPECT_EQ(run_query(file, "SELECT count(*) FROM attempt").rows.at(0).at(0),
                  Value(int64_t{2}));
    }
}

TEST_F(MergeTest, EqualResultsConfirmEachOtherAndCountOnce) {
    const auto a = site("a", {{5, 0, 0, 800, 700}}, "node-a"),
               b = site("b", {{5, 0, 0, 800, 700}}, "node-b");
    const auto merged = merge_databases({a, b}, out(), false);
    EXPECT_EQ(merged.confirmed, 1);
    EXPECT_EQ(trial_rows(out()).size(), 1u);
}

TEST_F(MergeTest, ContradictionsAreRefusedUnlessTheFirstSiteIsPreferred) {
    const auto a = site("a", {{5, 0, 0, 800, 700}}, "node-a"),
               b = site("b", {{5, 0, 0, 810, 650}}, "node-b");
    EXPECT_NE(refusal([&] {
                  merge_databases({a, b}, out(), false);
              }).find("700 of 1000"),
              std::string::npos);
    EXPECT_FALSE(fs::exists(out()));
    const auto merged = merge_databases({a, b}, out(), true);
    EXPECT_EQ(merged.contradictions.size(), 1u);
    EXPECT_EQ(trial_rows(out()).at(0).test_correct, 700);
}

TEST_F(MergeTest, ACellWithTwoMeaningsIsRefused) {
    const auto a = site("a", {{5, 0, 0, 800, 700}}, "node-a"),
               b = site("b", {{5, 0, 0, 800, 700}}, "node-b", 2);
    EXPECT_NE(refusal([&] {
                  merge_databases({a, b}, out(), false);
              }).find("mean different tasks"),
              std::string::npos);
    EXPECT_FALSE(fs::exists(out()));
}

TEST_F(MergeTest, NamesAreCheckedAndNothingIsOverwritten) {
    const auto a = site("a", {{5, 0, 0, 800, 700}}, "node-a");
    EXPECT_NE(refusal([&] {
                  merge_databases({a, a}, out(), false);
              }).find("two sites"),
              std::string::npos);
    EXPECT_NE(refusal([&] {
                  merge_databases({a, {"x'; DROP TABLE task; --", a.database}}, out(), false);
              }).find("cannot be the name"),
              std::string::npos);
    std::ofstream(out()) << "precious";
    EXPECT_NE(refusal([&] { merge_databases({a}, out(), false); }).find("already exists"),
              std::string::npos);
    EXPECT_EQ(read_file(out()), "precious");
}

// ---- salvage

class SalvageTest : public ::testing::Test {
  protected:
    SalvageTest() { make_synthetic_campaign(folder_ / "campaign", kSmall); }
    fs::path database() const { return folder_ / "campaign/results.sqlite"; }
    fs::path saved() const { return folder_ / "saved.sqlite"; }
    void overwrite(std::streamoff from, size_t bytes) {
        std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(from);
        file << std::string(bytes, '\x5a');
    }
    std::streamoff size() const { return static_cast<std::streamoff>(fs::file_size(database())); }
    std::optional<Campaign> about() const { return campaign_of(database()); }
    TemporaryFolder folder_;
};

TEST_F(SalvageTest, EveryRowOfAnUndamagedDatabaseIsKept) {
    const auto before = everything(database());
    EXPECT_TRUE(damage_of(database()).empty());
    const auto salvaged = salvage_database(database(), saved(), std::nullopt, {});
    EXPECT_EQ(everything(saved()), before);
    EXPECT_EQ(salvaged.to_run_again, 0);
    for (const auto& [table, rows] : salvaged.tables)
        EXPECT_EQ(rows.refused + rows.unreadable, 0) << table;
}

// Damages the file at several places. Every salvaged row was a row before, and every other task can
// be run again.
TEST_F(SalvageTest, TheRestIsSalvagedConsistentlyWhicheverPagesAreLost) {
    const auto whole = read_file(database());
    const auto campaign = about();
    const auto plan = synthetic_plan(kSmall);
    std::set<std::string> rows_before;
    for (const auto& row : trial_rows(database()))
        rows_before.insert(render_rows({row}, TableFormat::csv));
    size_t kept = 0, places = 0;
    for (int part = 1; part < 12; ++part) {
        std::ofstream(database(), std::ios::binary) << whole;
        const auto place = size() / 4096 * part / 12 * 4096;
        overwrite(place, 3 * 4096);
        EXPECT_FALSE(damage_of(database()).empty()) << part;
        fs::remove(saved());
        const auto salvaged = salvage_database(database(), saved(), campaign, plan);
        for (const auto& row : trial_rows(saved()))
            EXPECT_TRUE(rows_before.contains(render_rows({row}, TableFormat::csv))) << part;
        EXPECT_EQ(RawDatabase(saved()).value("PRAGMA integrity_check"), "ok");
        EXPECT_EQ(RawDatabase(saved()).value("SELECT count(*) FROM pragma_foreign_key_check"), "0");
        kept += trial_rows(saved()).size();
        ++places;
        // Every task of the plan exists, and every task without a result can be run.
        const auto store = open_sqlite_store(saved());
        store->enter(*campaign, plan);
        size_t open = 0;
        for (const auto& task : store->load()) {
            if (task.ended) continue;
            ++open;
            const auto token = store->start_attempt(task.task, "0", "node1");
            EXPECT_TRUE(
                store->finish_attempt(ended(task.task, token, Outcome::diverged), true, false));
        }
        EXPECT_EQ(store->load().size(), plan.tasks.size());
        EXPECT_GE(static_cast<int64_t>(open), salvaged.to_run_again);
    }
    EXPECT_GT(kept, rows_before.size() * places * 3 / 4)
        << "three lost pages of hundreds cost few results";
}

TEST_F(SalvageTest, ADamagedIndexCostsNoRow) {
    const auto before = render_rows(trial_rows(database()), TableFormat::csv);
    const auto page = std::stoll(RawDatabase(database())
                                     .value("SELECT rootpage FROM sqlite_master WHERE name = "
                                            "'sqlite_autoindex_epoch_1'"));
    overwrite((page - 1) * 4096, 4096);
    EXPECT_FALSE(damage_of(database()).empty());
    salvage_database(database(), saved(), std::nullopt, {});
    EXPECT_EQ(render_rows(trial_rows(saved()), TableFormat::csv), before);
}

TEST_F(SalvageTest, ATruncatedFileLosesItsEnd) {
    fs::remove_all(folder_ / "campaign");
    make_synthetic_campaign(folder_ / "campaign", {.epochs = 100, .seeds = 2});
    const auto all = trial_rows(database()).size();
    fs::resize_file(database(), fs::file_size(database()) / 2);
    EXPECT_FALSE(damage_of(database()).empty());
    const auto salvaged = salvage_database(database(), saved(), std::nullopt, {});
    EXPECT_GT(salvaged.results, static_cast<int64_t>(all) / 4);
    EXPECT_LT(salvaged.results, static_cast<int64_t>(all));
    EXPECT_EQ(RawDatabase(saved()).value("PRAGMA integrity_check"), "ok");
}

TEST_F(SalvageTest, ALostFirstPageIsReplaced) {
    const auto before = render_rows(trial_rows(database()), TableFormat::csv);
    const auto campaign = about();
    overwrite(0, 4096);
    EXPECT_NE(refusal([&] { trial_rows(database()); }).find("not a results database"),
              std::string::npos);
    const auto damaged = read_file(database());
    salvage_database(database(), saved(), campaign, synthetic_plan(kSmall));
    EXPECT_EQ(render_rows(trial_rows(saved()), TableFormat::csv), before);
    EXPECT_EQ(read_file(database()), damaged) << "the damaged file is unchanged";
}

TEST_F(SalvageTest, AFileThatIsNotADatabaseIsRefused) {
    std::ofstream(database(), std::ios::binary) << std::string(100000, 'x');
    EXPECT_NE(refusal([&] { damage_of(database()); }).find("not a database"), std::string::npos);
    EXPECT_NE(refusal([&] {
                  salvage_database(database(), saved(), std::nullopt, {});
              }).find("nothing can be read"),
              std::string::npos);
    EXPECT_FALSE(fs::exists(saved()));
}

} // namespace
} // namespace dagan::results
