// PostgreSQL's additions to the contract of Store (store_test.cpp): several coordinators at once,
// readers with fewer rights, and tables that are byte for byte those of SQLite.
#include "base/error.h"
#include "base/file.h"
#include "results/campaign_support.h"
#include "results/database/server_survey.h"
#include "results/output/export.h"
#include "results/output/table_text.h"
#include "results/postgresql_server.h"
#include "results/synthetic_campaign.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace dagan::results {
namespace {

using namespace testing;

class PostgresqlTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!PostgresqlServer::shared()) GTEST_SKIP() << "PostgreSQL is not installed here";
        location_ = PostgresqlServer::shared()->new_schema();
        schema_ = location_.url().substr(location_.url().find("%3D") + 3);
    }
    void execute(const std::string& sql) {
        PostgresqlServer::shared()->execute("SET search_path = " + schema_ + "; " + sql);
    }
    void refused(const std::string& sql) { EXPECT_THROW(execute(sql), std::runtime_error) << sql; }

    Location location_ = "";
    std::string schema_;
};

TEST_F(PostgresqlTest, ASurveyReportsTheStateOfTheServerAndChangesNothing) {
    ServerSurvey survey = survey_server(location_);
    EXPECT_EQ(survey.schema, schema_);
    EXPECT_EQ(survey.state, SchemaState::empty);
    EXPECT_TRUE(survey.may_create);
    EXPECT_GT(survey.free_connections, 3);
    EXPECT_EQ(survey.version.substr(0, 1), "1");
    EXPECT_EQ(survey_server(location_).state, SchemaState::empty);
    execute("CREATE TABLE guests (name TEXT)");
    EXPECT_EQ(survey_server(location_).state, SchemaState::foreign);
    execute("DROP TABLE guests");
    open_store(location_);
    EXPECT_EQ(survey_server(location_).state, SchemaState::campaign);
    execute("UPDATE schema_version SET version = 999");
    EXPECT_THAT(refusal([&] { survey_server(location_); }), ::testing::HasSubstr("newer version"));
}

TEST_F(PostgresqlTest, TablesHaveTheSameBytesAsWithSqlite) {
    TemporaryFolder folder;
    const Location file = folder / "results.sqlite";
    const SyntheticSize size{.epochs = 5, .seeds = 3};
    for (const auto& place : {file, location_}) {
        const auto store = open_store(place);
        run_synthetic_campaign(*store, size);
    }
    EXPECT_EQ(render_rows(trial_rows(location_), TableFormat::csv),
              render_rows(trial_rows(file), TableFormat::csv));
    for (const auto method : {IntervalMethod::t, IntervalMethod::bootstrap}) {
        EXPECT_EQ(render_cells(cell_rows(location_, method), TableFormat::csv),
                  render_cells(cell_rows(file, method), TableFormat::csv));
    }
    EXPECT_EQ(render_table1(table1_rows(location_), TableFormat::csv),
              render_table1(table1_rows(file), TableFormat::csv));
    EXPECT_EQ(render_gains(gain_rows(location_), TableFormat::csv),
              render_gains(gain_rows(file), TableFormat::csv));
    EXPECT_EQ(render_choices(choice_rows(location_), TableFormat::csv),
              render_choices(choice_rows(file), TableFormat::csv));
    const auto query =
        "SELECT dataset, samples_per_class, generated_per_real, budget, seeds, missing FROM cell "
        "ORDER BY dataset, samples_per_class, generated_per_real, budget";
    EXPECT_EQ(render(run_query(location_, query), TableFormat::csv),
              render(run_query(file, query), TableFormat::csv));
    for (const auto* view : {"trial", "cell", "table1", "missing", "blame", "cost", "provenance"}) {
        const auto count = std::string("SELECT count(*) FROM ") + view;
        EXPECT_EQ(run_query(location_, count).rows, run_query(file, count).rows) << view;
    }
    const auto chosen = "SELECT samples_per_class, augmented, generated_per_real, budget, seeds, "
                        "missing FROM table1 WHERE dataset = "
                        "'omniglot' ORDER BY samples_per_class, augmented, budget";
    EXPECT_EQ(run_query(location_, chosen).rows, run_query(file, chosen).rows)
        << "the views choose the same m";
    export_results(file, folder / "", ExportFormat::csv, folder / "from-file");
    export_results(location_, folder / "", ExportFormat::csv, folder / "from-server");
    for (const auto* table : {"task", "epoch", "curve", "result", "artifact", "missing", "blame"}) {
        const auto name = std::string(table) + ".csv";
        EXPECT_EQ(read_file(folder / "from-server" / name), read_file(folder / "from-file" / name))
            << table;
    }
}

TEST_F(PostgresqlTest, AQueryCannotWrite) {
    {
        const auto store = open_store(location_);
        store->enter(campaign(), plan_of_seeds(1));
        store->commit();
    }
    for (const auto* sql :
         {"DELETE FROM task", "DELETE FROM task RETURNING key",
          "INSERT INTO task (key) VALUES ('x') RETURNING key", "DROP TABLE task",
          "SELECT 1; DELETE FROM task", "SET default_transaction_read_only = off",
          "COPY task TO PROGRAM 'touch /tmp/dagan-was-here'", "COPY task TO '/tmp/dagan-was-here'",
          "SELECT nextval('attempt_token')", "EXPLAIN ANALYZE DELETE FROM task",
          "SELECT * INTO other FROM task", "SELECT nonsense", ""}) {
        EXPECT_NE(refusal([&] { run_query(location_, sql); }, Blame::input), "accepted") << sql;
    }
    EXPECT_EQ(run_query(location_, "SELECT count(*) FROM task").rows.at(0).at(0),
              Value(int64_t{1}));
    // PostgreSQL 15 considers this a read; it is rolled back.
    run_query(location_, "SELECT lo_create(7)");
    EXPECT_EQ(run_query(location_, "SELECT count(*) FROM pg_largeobject_metadata").rows.at(0).at(0),
              Value(int64_t{0}));
    EXPECT_FALSE(std::filesystem::exists("/tmp/dagan-was-here"));
}

TEST_F(PostgresqlTest, AQueryReturnsNamesNumbersAndNulls) {
    open_store(location_);
    const auto table = run_query(
        location_,
        "SELECT CAST(3 AS BIGINT) AS n, CAST(0.1 AS DOUBLE PRECISION) AS tenth, NULL AS empty, "
        "sum(x) AS sum, avg(x) AS mean, 'a' || 'b' AS text, 1 = 1 AS yes "
        "FROM generate_series(1, 4) AS x");
    EXPECT_EQ(table.columns,
              (std::vector<std::string>{"n", "tenth", "empty", "sum", "mean", "text", "yes"}));
    EXPECT_EQ(table.rows.at(0), (std::vector<Value>{int64_t{3}, 0.1, std::monostate{}, int64_t{10},
                                                    2.5, "ab", int64_t{1}}));
}

TEST_F(PostgresqlTest, AReaderNeedsNoWriteAccess) {
    auto& server = *PostgresqlServer::shared();
    {
        const auto store = open_store(location_);
        store->enter(campaign(), plan_of_seeds(1));
        store->commit();
    }
    server.execute(fmt::format("CREATE ROLE analyst LOGIN; GRANT USAGE ON SCHEMA {0} TO analyst; "
                               "GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO analyst",
                               schema_));
    const auto as_analyst = Location::parse(server.url(schema_, "analyst"));
    EXPECT_EQ(cell_rows(as_analyst).size(), 1u);
    EXPECT_NE(
        refusal([&] { open_store(as_analyst)->enter(campaign(), plan_of_seeds(2)); }, Blame::system)
            .find("not allowed"),
        std::string::npos);
}

TEST_F(PostgresqlTest, SeveralCoordinatorsMayCreateTheSchemaAtOnce) {
    std::vector<std::thread> coordinators;
    for (int i = 0; i < 4; ++i) {
        coordinators.emplace_back([&] {
            const auto store = open_store(location_);
            store->enter(campaign(), plan_of_seeds(20));
            store->commit();
        });
    }
    for (auto& coordinator : coordinators) coordinator.join();
    EXPECT_EQ(run_query(location_, "SELECT count(*) FROM task").rows.at(0).at(0),
              Value(int64_t{20}));
    EXPECT_EQ(run_query(location_, "SELECT count(*) FROM campaign").rows.at(0).at(0),
              Value(int64_t{1}));
}

TEST_F(PostgresqlTest, OnlyTheCoordinatorWithTheCurrentAttemptIsAccepted) {
    const auto plan = plan_of_seeds(2);
    const auto first = open_store(location_), second = open_store(location_);
    for (auto* store : {first.get(), second.get()}) {
        store->enter(campaign(), plan);
        store->commit();
    }
    const auto& key = plan.tasks[0].key;
    const auto old_token = first->start_attempt(key, "0", "node1");
    first->commit();
    // The first coordinator's lease has expired.
    const auto token = second->start_attempt(key, "0", "node2");
    second->commit();
    EXPECT_GT(token, old_token);
    EXPECT_FALSE(first->finish_attempt(scored(key, old_token, 900, 900), true, false))
        << "no longer the current attempt";
    first->commit();
    EXPECT_TRUE(second->finish_attempt(scored(key, token, 800, 700), true, false));
    second->commit();
    EXPECT_EQ(first->start_attempt(key, "0", "node1"), 0) << "the other has ended it";
    first->commit();
    EXPECT_EQ(first->load_task(key).ended, Outcome::done);
    const auto rows = trial_rows(location_);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].test_correct, 700);
}

// A late result is accepted if no other attempt has started; the other coordinator is then too
// late.
TEST_F(PostgresqlTest, AResultCountsOnceInAnyOrderOfTwoCoordinators) {
    const auto plan = plan_of_seeds(40);
    std::vector<std::thread> coordinators;
    std::atomic<int> accepted = 0;
    for (int i = 0; i < 2; ++i) {
        coordinators.emplace_back([&, i] {
            const auto store = open_store(location_);
            store->enter(campaign(), plan);
            store->commit();
            for (const auto& task : plan.tasks) {
                if (store->load_task(task.key).ended) continue;
                const auto token = store->start_attempt(task.key, "0", "node" + std::to_string(i));
                store->commit();
                if (token == 0) continue; // the other has ended it
                const bool current = store->is_current(task.key, token);
                const bool counts =
                    store->finish_attempt(scored(task.key, token, 800, 700), true, false);
                store->commit();
                EXPECT_EQ(current, counts) << "a current attempt stays current until the commit";
                accepted += counts;
            }
        });
    }
    for (auto& coordinator : coordinators) coordinator.join();
    // The attempts of both may have been superseded; a third coordinator finishes the remaining
    // tasks.
    const auto store = open_store(location_);
    store->enter(campaign(), plan);
    for (const auto& task : store->load()) {
        if (task.ended) continue;
        accepted += store->finish_attempt(
            scored(task.task, store->start_attempt(task.task, "0", "node3"), 800, 700), true,
            false);
    }
    store->commit();
    EXPECT_EQ(accepted, 40);
    EXPECT_EQ(trial_rows(location_).size(), 40u);
}

TEST_F(PostgresqlTest, AReaderSeesOnlyWholeCommitsWhileTheCoordinatorWrites) {
    const auto plan = plan_of_seeds(200);
    const auto store = open_store(location_);
    store->enter(campaign(), plan);
    store->commit();
    std::atomic<bool> over = false;
    size_t reads = 0, last = 0;
    bool whole = true;
    std::thread reader([&] {
        while (!over) {
            const auto rows = trial_rows(location_).size();
            whole = whole && rows >= last && rows % 4 == 0; // commits are groups of four
            last = rows;
            ++reads;
        }
    });
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
        finish(*store, plan.tasks[i], 800, 700);
        if (i % 4 == 3) store->commit();
    }
    over = true;
    reader.join();
    EXPECT_TRUE(whole);
    EXPECT_GT(reads, 0u);
    EXPECT_EQ(trial_rows(location_).size(), 200u);
}

// The counterpart of schema_test.cpp, which tries SQLite.
TEST_F(PostgresqlTest, TheSchemaRefusesAWrongTestAccuracy) {
    const auto plan = plan_of_seeds(2);
    int64_t token = 0;
    {
        const auto store = open_store(location_);
        store->enter(campaign(), plan);
        finish(*store, plan.tasks[0], 800, 700);
        token = store->start_attempt(plan.tasks[1].key, "0", "host");
        store->commit();
    }
    const auto& b = plan.tasks[1].key;
    const auto result = [&](const std::string& best_epoch, const std::string& validation) {
        return fmt::format("INSERT INTO result VALUES ('{}', {}, 100, {}, {}, 1000, 700, 1000)", b,
                           token, best_epoch, validation);
    };
    refused("INSERT INTO result SELECT * FROM result");
    refused("UPDATE result SET test_correct = 999");
    refused("UPDATE epoch SET validation_correct = 999 WHERE epoch = 2");
    refused("UPDATE best_epoch SET epoch = 1");
    refused(fmt::format("INSERT INTO epoch VALUES ('{}', 4, 300, 1000, 'best_val', 2, 800)",
                        plan.tasks[0].key));
    refused(result("1", "400"));
    refused(fmt::format("INSERT INTO best_epoch VALUES ('{}', 'last', 3, 400, 1000)", b));
    execute(fmt::format("INSERT INTO best_epoch VALUES ('{}', 'best_val', 2, 800, 1000)", b));
    execute(fmt::format("INSERT INTO epoch VALUES ('{}', 2, 800, 1000, 'best_val', 2, 800)", b));
    refused(fmt::format("INSERT INTO epoch VALUES ('{}', 3, 801, 1000, 'best_val', 2, 800)", b));
    refused(fmt::format("INSERT INTO epoch VALUES ('{}', 1, 800, 1000, 'best_val', 2, 800)", b));
    refused(result("3", "800"));
    refused(result("2", "900"));
    execute(result("2", "800"));
}

TEST_F(PostgresqlTest, OtherTablesAndOtherVersionsAreRefusedAndUnchanged) {
    execute("CREATE TABLE photo (x INTEGER)");
    EXPECT_NE(refusal([&] { open_store(location_); }, Blame::input).find("other tables"),
              std::string::npos);
    EXPECT_NE(refusal([&] { trial_rows(location_); }, Blame::input).find("no campaign yet"),
              std::string::npos);
    const auto other = PostgresqlServer::shared()->new_schema();
    open_store(other);
    PostgresqlServer::shared()->execute(
        "SET search_path = " + other.url().substr(other.url().find("%3D") + 3) +
        "; UPDATE schema_version SET version = 99");
    EXPECT_NE(refusal([&] { open_store(other); }, Blame::input)
                  .find("newer version of this program (schema 99"),
              std::string::npos);
    EXPECT_NE(refusal([&] { trial_rows(other); }, Blame::input).find("schema 99"),
              std::string::npos);
}

TEST(UnreachableServerTest, AMissingServerIsASystemError) {
    const auto nowhere = Location::parse("postgresql://me:secret@%2Fno%2Fsuch%2Ffolder/base");
    const auto text = refusal([&] { trial_rows(nowhere); }, Blame::system);
    EXPECT_NE(text.find("cannot be reached"), std::string::npos) << text;
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
}

TEST(UnreachableServerTest, AServerThatStopsIsASystemError) {
    const auto server = PostgresqlServer::start();
    if (!server) GTEST_SKIP() << "PostgreSQL is not installed here";
    const auto location = server->new_schema();
    const auto store = open_store(location);
    store->enter(campaign(), plan_of_seeds(1));
    store->commit();
    server->stop();
    EXPECT_NE(refusal([&] { store->start_attempt(plan_of_seeds(1).tasks[0].key, "0", "a"); },
                      Blame::system)
                  .find("cannot be reached"),
              std::string::npos);
}

TEST(LocationTest, ALocationIsAFileUnlessItIsAServersUrl) {
    EXPECT_FALSE(Location::parse("campaigns/demo/results.sqlite").is_server());
    EXPECT_TRUE(Location::parse("postgresql://host/base").is_server());
    EXPECT_TRUE(Location::parse("postgres://host/base").is_server());
}

TEST(LocationTest, ANameNeverContainsAPassword) {
    EXPECT_EQ(Location::parse("postgresql://me:secret@host:5432/base").name(),
              "postgresql://me@host:5432/base");
    EXPECT_EQ(
        Location::parse("postgresql://host/base?user=me&password=secret&sslmode=require").name(),
        "postgresql://host/base?user=me&sslmode=require");
    EXPECT_EQ(Location::parse("postgresql://host:5432/base").name(), "postgresql://host:5432/base");
}

} // namespace
} // namespace dagan::results
