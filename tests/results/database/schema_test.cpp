// The schema refuses wrong data. Tried with plain SQL, with foreign keys on, and off as in a plain
// sqlite3 shell.
#include "results/database/schema.h"

#include "base/hash.h"
#include "results/campaign_support.h"
#include "results/database/raw_database.h"

#include <gtest/gtest.h>

namespace dagan::results {
namespace {

using namespace testing;

// One finished trial "a" (the best of its three epochs is 2), and a running attempt of "b".
class SchemaTest : public ::testing::TestWithParam<bool> {
  protected:
    SchemaTest() {
        const Plan plan{
            {planned(classifier("omniglot", 5, 0, 0)), planned(classifier("omniglot", 5, 1, 0))}};
        a_ = plan.tasks[0].key;
        b_ = plan.tasks[1].key;
        {
            const auto store = open_sqlite_store(path());
            store->enter(campaign(), plan);
            finish(*store, plan.tasks[0], 800, 700);
            token_ = store->start_attempt(b_, "0", "host");
            store->commit();
        }
        db_ = std::make_unique<RawDatabase>(path(), GetParam());
    }
    std::filesystem::path path() const { return folder_ / "results.sqlite"; }
    void accepted(const std::string& sql) {
        EXPECT_EQ(db_->execute(sql), SQLITE_OK) << sql << ": " << db_->error();
    }
    void refused(const std::string& sql) {
        EXPECT_EQ(db_->execute(sql), SQLITE_CONSTRAINT) << sql << ": " << db_->error();
    }
    // Enters epochs 1 to 3 of b with 400, 800 and 400 correct answers of 1000.
    void enter_epochs_of_b() {
        accepted("INSERT INTO best_epoch VALUES ('" + b_ + "', 'best_val', 2, 800, 1000)");
        for (const auto* epoch : {"1, 400", "2, 800", "3, 400"})
            accepted("INSERT INTO epoch VALUES ('" + b_ + "', " + epoch +
                     ", 1000, 'best_val', 2, 800)");
    }
    std::string result_of_b(const std::string& best_epoch, const std::string& validation,
                            const std::string& test = "700, 1000") {
        return "INSERT INTO result VALUES ('" + b_ + "', " + std::to_string(token_) + ", 100, " +
               best_epoch + ", " + validation + ", 1000, " + test + ")";
    }

    TemporaryFolder folder_;
    std::string a_, b_;
    int64_t token_ = 0;
    std::unique_ptr<RawDatabase> db_;
};

TEST_P(SchemaTest, AResultAtTheBestEpochIsAccepted) {
    enter_epochs_of_b();
    accepted(result_of_b("2", "800"));
}

TEST_P(SchemaTest, ASecondResultForATaskIsRefused) {
    refused("INSERT INTO result SELECT * FROM result LIMIT 1");
    refused("INSERT INTO result SELECT task, " + std::to_string(token_) +
            ", steps, best_epoch, validation_correct, validation_total, 1, 2 FROM result");
}

TEST_P(SchemaTest, AResultAtAnotherEpochThanTheBestIsRefused) {
    enter_epochs_of_b();
    refused(result_of_b("1", "400"));
    refused(result_of_b("3", "800"));
    refused(result_of_b("4", "800"));
    refused(result_of_b("2", "900"));
    refused(result_of_b("2", "400"));
}

TEST_P(SchemaTest, AResultWithoutEpochsIsRefused) {
    refused(result_of_b("1", "400"));
    accepted("INSERT INTO best_epoch VALUES ('" + b_ + "', 'best_val', 2, 800, 1000)");
    refused(result_of_b("2", "800"));
}

TEST_P(SchemaTest, AnEpochThatBeatsTheBestIsRefused) {
    enter_epochs_of_b();
    refused("INSERT INTO epoch VALUES ('" + b_ + "', 4, 801, 1000, 'best_val', 2, 800)");
    if (GetParam()) // an epoch that does not refer to the recorded best epoch
        refused("INSERT INTO epoch VALUES ('" + b_ + "', 4, 801, 1000, 'best_val', 4, 801)");
    refused("INSERT INTO epoch VALUES ('" + b_ + "', 2, 800, 1000, 'best_val', 2, 800)"); // twice
}

TEST_P(SchemaTest, AnEarlierEpochAsGoodAsTheBestIsRefused) {
    accepted("INSERT INTO best_epoch VALUES ('" + b_ + "', 'best_val', 2, 800, 1000)");
    refused("INSERT INTO epoch VALUES ('" + b_ + "', 1, 800, 1000, 'best_val', 2, 800)");
    // A later epoch that is as good is not the best.
    accepted("INSERT INTO epoch VALUES ('" + b_ + "', 3, 800, 1000, 'best_val', 2, 800)");
}

TEST_P(SchemaTest, AnEpochThatContradictsTheBestCannotLeadToAResult) {
    accepted("INSERT INTO best_epoch VALUES ('" + b_ + "', 'best_val', 1, 400, 1000)");
    accepted("INSERT INTO epoch VALUES ('" + b_ + "', 1, 400, 1000, 'best_val', 1, 400)");
    // With foreign keys, the better epoch is refused; without, it is accepted, but no result is.
    const int entered =
        db_->execute("INSERT INTO epoch VALUES ('" + b_ + "', 2, 800, 1000, 'best_val', 2, 800)");
    EXPECT_EQ(entered, GetParam() ? SQLITE_CONSTRAINT : SQLITE_OK);
    if (entered == SQLITE_OK) refused(result_of_b("1", "400"));
}

TEST_P(SchemaTest, TheLastEpochIsTestedOnlyWhereThePlanSaysSo) {
    refused("INSERT INTO best_epoch VALUES ('" + b_ + "', 'last', 3, 400, 1000)");
}

TEST_P(SchemaTest, CountsBeyondTheirTotalsAreRefused) {
    enter_epochs_of_b();
    refused(result_of_b("2", "800", "1001, 1000"));
    refused(result_of_b("2", "800", "-1, 1000"));
    refused("INSERT INTO epoch VALUES ('" + b_ + "', 5, 1001, 1000, 'best_val', 2, 800)");
    refused("INSERT INTO epoch VALUES ('" + b_ + "', 0, 1, 1000, 'best_val', 2, 800)");
}

TEST_P(SchemaTest, AResultIsNeverChanged) {
    refused("UPDATE result SET test_correct = 999");
    refused("UPDATE result SET best_epoch = 1, validation_correct = 400");
    refused("UPDATE epoch SET validation_correct = 999 WHERE epoch = 2");
    refused("UPDATE best_epoch SET epoch = 1");
    refused("INSERT INTO epoch VALUES ('" + a_ + "', 4, 300, 1000, 'best_val', 2, 800)");
    EXPECT_EQ(db_->value("SELECT test_correct FROM result"), "700");
}

TEST_P(SchemaTest, TokensAreUnique) {
    refused("INSERT INTO attempt (token, task, ranks, host, started) VALUES (" +
            std::to_string(token_) + ", '" + b_ + "', '0', 'h', '2026')");
}

TEST_P(SchemaTest, AnAttemptHasNoOutcomeBeforeItsEnd) {
    refused("UPDATE attempt SET outcome = 'done' WHERE task = '" + b_ + "'");
    refused("UPDATE attempt SET ended = '2026' WHERE task = '" + b_ + "'");
    refused("UPDATE attempt SET final = 1 WHERE task = '" + b_ + "'");
    refused("UPDATE attempt SET ended = '2026', outcome = 'fine' WHERE task = '" + b_ + "'");
}

TEST_P(SchemaTest, ThereIsOneCampaign) {
    refused(
        "INSERT INTO campaign (name, sweep, code_version, created) VALUES ('x', 'y', 'z', '2026')");
}

TEST_P(SchemaTest, TheVersionIsRecordedInTheDatabase) {
    EXPECT_EQ(db_->value("SELECT version FROM schema_version"), std::to_string(kSchemaVersion));
    EXPECT_EQ(db_->value("PRAGMA user_version"), std::to_string(kSchemaVersion));
    EXPECT_EQ(db_->value("PRAGMA integrity_check"), "ok");
}

INSTANTIATE_TEST_SUITE_P(ForeignKeys, SchemaTest, ::testing::Values(true, false),
                         [](const auto& keys) { return keys.param ? "On" : "Off"; });

TEST(SchemaTextTest, TheListOfTablesIsComplete) {
    TemporaryFolder folder;
    open_sqlite_store(folder / "results.sqlite");
    std::string list = "'schema_version'";
    for (const std::string table : kSchemaTables) list += ", '" + table + "'";
    RawDatabase db(folder / "results.sqlite");
    const std::string tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' ";
    EXPECT_EQ(db.value(tables + "AND name NOT IN (" + list + ")"), "0");
    EXPECT_EQ(db.value(tables), std::to_string(kSchemaTables.size() + 1));
}

// SQLite stores these texts with their comments, and the salvage of a lost first page depends on
// them (schema.sql). A new schema version needs a new hash here.
TEST(SchemaTextTest, TheStoredStatementsOfAVersionNeverChange) {
    TemporaryFolder folder;
    open_sqlite_store(folder / "results.sqlite");
    Sha256 hash;
    hash.update(RawDatabase(folder / "results.sqlite")
                    .value("SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM "
                           "sqlite_master WHERE sql IS NOT NULL ORDER BY rowid)"));
    ASSERT_EQ(kSchemaVersion, 2);
    EXPECT_EQ(hash.hex(), "9dc30f2f7fe50a80bffcb399ed2de7c44ef36214a0323376b89aa6022c86b173");
}

TEST(SchemaTextTest, EveryTableAndViewForAnalystsExists) {
    for (const auto* table : {"campaign", "task", "attempt", "epoch", "result", "artifact"}) {
        EXPECT_NE(schema_sql().find(std::string("CREATE TABLE ") + table + " ("),
                  std::string_view::npos)
            << table;
    }
    for (const auto* view : {"trial", "cell", "table1", "missing", "blame", "cost", "provenance"}) {
        EXPECT_NE(schema_sql().find(std::string("CREATE VIEW ") + view + " AS"),
                  std::string_view::npos)
            << view;
    }
}

} // namespace
} // namespace dagan::results
