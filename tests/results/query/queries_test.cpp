#include "results/query/queries.h"

#include "base/error.h"
#include "results/campaign_support.h"
#include "results/database/raw_database.h"
#include "results/query/cells.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace dagan::results {
namespace {

using namespace testing;

const CellRow& cell(const std::vector<CellRow>& rows, int n, int m,
                    const std::string& budget = "epochs") {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const CellRow& row) {
        return row.samples_per_class == n && row.generated_per_real == m && row.budget == budget;
    });
    if (found == rows.end()) throw std::runtime_error("no such cell");
    return *found;
}

class QueriesTest : public ::testing::Test {
  protected:
    // A planned classifier, and its correct answers of 1000; validation 0: not finished.
    struct Trial {
        int n, m, seed, match_steps_of, validation, test;
    };
    void run(const std::vector<Trial>& trials) {
        Plan plan;
        for (const auto& trial : trials)
            plan.tasks.push_back(planned(
                classifier("omniglot", trial.n, trial.m, trial.seed, trial.match_steps_of)));
        const auto store = open_sqlite_store(path());
        store->enter(campaign(), plan);
        for (size_t i = 0; i < trials.size(); ++i) {
            if (trials[i].validation > 0)
                finish(*store, plan.tasks[i], trials[i].validation, trials[i].test);
        }
        store->commit();
    }
    std::filesystem::path path() const { return folder_ / "results.sqlite"; }
    TemporaryFolder folder_;
};

TEST_F(QueriesTest, RowsAreSortedInAnyOrderOfFinishing) {
    run({{10, 0, 0, 0, 800, 700},
         {5, 10, 0, 0, 800, 700},
         {5, 2, 1, 0, 800, 700},
         {5, 2, 0, 0, 800, 700},
         {5, 0, 0, 10, 800, 700},
         {5, 0, 0, 2, 800, 700},
         {5, 0, 0, 0, 800, 700}});
    std::vector<std::string> order;
    for (const auto& row : trial_rows(path())) {
        order.push_back(std::to_string(row.samples_per_class) + " " +
                        std::to_string(row.generated_per_real) + " " + std::to_string(row.seed) +
                        " " + row.budget);
    }
    EXPECT_EQ(order, (std::vector<std::string>{"5 0 0 epochs", "5 0 0 steps:2", "5 0 0 steps:10",
                                               "5 2 0 epochs", "5 2 1 epochs", "5 10 0 epochs",
                                               "10 0 0 epochs"}));
}

TEST_F(QueriesTest, ARowHoldsTheCountsAtTheBestEpoch) {
    run({{5, 0, 3, 0, 812, 707}});
    const auto rows = trial_rows(path());
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].seed, 3);
    EXPECT_EQ(rows[0].softmax, "held_out");
    EXPECT_EQ(rows[0].steps, 100);
    EXPECT_EQ(rows[0].best_epoch, 2);
    EXPECT_EQ(rows[0].validation_correct, 812);
    EXPECT_EQ(rows[0].test_correct, 707);
    EXPECT_EQ(rows[0].test_total, 1000);
}

// docs/reference/model.md, check 27.
TEST_F(QueriesTest, CellsAgreeWithTheWorkedExample) {
    run({{5, 0, 0, 0, 800, 800},
         {5, 0, 1, 0, 800, 820},
         {5, 0, 2, 0, 800, 810},
         {5, 0, 3, 0, 800, 830},
         {5, 0, 4, 0, 800, 790}});
    const auto row = cell(cell_rows(path()), 5, 0);
    EXPECT_EQ(row.seeds, 5);
    EXPECT_EQ(row.missing, 0);
    EXPECT_NEAR(*row.test_mean, 0.81, 1e-12);
    EXPECT_NEAR(*row.test_sd, 0.015811, 5e-7);
    EXPECT_NEAR((*row.test_high - *row.test_low) / 2, 0.01963, 5e-6);
    EXPECT_NEAR(*row.validation_mean, 0.8, 1e-12);
    EXPECT_FALSE(row.gain_mean) << "the baseline has no gain over itself";
}

TEST_F(QueriesTest, MissingSeedsAreCountedAndEmptyCellsAreShownEmpty) {
    run({{5, 0, 0, 0, 800, 700}, {5, 0, 1, 0, 0, 0}, {5, 1, 0, 0, 0, 0}, {5, 1, 1, 0, 0, 0}});
    const auto rows = cell_rows(path());
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(cell(rows, 5, 0).seeds, 1);
    EXPECT_EQ(cell(rows, 5, 0).missing, 1);
    EXPECT_TRUE(cell(rows, 5, 0).test_mean);
    EXPECT_FALSE(cell(rows, 5, 0).test_sd || cell(rows, 5, 0).test_low);
    EXPECT_EQ(cell(rows, 5, 1).seeds, 0);
    EXPECT_EQ(cell(rows, 5, 1).missing, 2);
    EXPECT_FALSE(cell(rows, 5, 1).test_mean || cell(rows, 5, 1).validation_mean ||
                 cell(rows, 5, 1).gain_mean);
}

TEST_F(QueriesTest, GainsArePairedBySeed) {
    // Seed 2 lacks its baseline and seed 3 its augmented run, so neither counts. Differences:
    // +0.10, +0.20.
    run({{5, 0, 0, 0, 800, 500},
         {5, 0, 1, 0, 800, 600},
         {5, 0, 2, 0, 0, 0},
         {5, 0, 3, 0, 800, 100},
         {5, 1, 0, 0, 800, 600},
         {5, 1, 1, 0, 800, 800},
         {5, 1, 2, 0, 800, 999},
         {5, 1, 3, 0, 0, 0}});
    const auto row = cell(cell_rows(path()), 5, 1);
    EXPECT_EQ(row.seeds, 3);
    EXPECT_NEAR(*row.gain_mean, 0.15, 1e-12);
    const double half_width = 12.7062 * 0.0707107 / std::sqrt(2.0);
    EXPECT_NEAR(*row.gain_low, 0.15 - half_width, 1e-4);
    EXPECT_NEAR(*row.gain_high, 0.15 + half_width, 1e-4);
}

TEST_F(QueriesTest, StepMatchedBaselinesAreSeparateCells) {
    run({{5, 0, 0, 0, 800, 500}, {5, 0, 0, 3, 800, 550}, {5, 3, 0, 0, 800, 600}});
    const auto rows = cell_rows(path());
    EXPECT_NEAR(*cell(rows, 5, 0, "epochs").test_mean, 0.5, 1e-12);
    EXPECT_NEAR(*cell(rows, 5, 0, "steps:3").test_mean, 0.55, 1e-12);
    EXPECT_NEAR(*cell(rows, 5, 0, "steps:3").gain_mean, 0.05, 1e-12);
}

TEST_F(QueriesTest, Table1ChoosesByValidationAndTheSmallerOnTies) {
    run({{5, 0, 0, 0, 990, 500},
         {5, 1, 0, 0, 700, 900},
         {5, 2, 0, 0, 800, 600},
         {5, 4, 0, 0, 800, 700}});
    const auto rows = table1_rows(path());
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_FALSE(rows[0].augmented);
    EXPECT_NEAR(*rows[0].published, 0.689904, 1e-9);
    EXPECT_TRUE(rows[1].augmented);
    EXPECT_EQ(rows[1].generated_per_real, 2);
    EXPECT_NEAR(*rows[1].test_mean, 0.6, 1e-12);
    EXPECT_NEAR(*rows[1].published, 0.821314, 1e-9);
}

TEST_F(QueriesTest, Table1ShowsTheStepMatchedBaselineOfTheChosenMAlone) {
    run({{5, 0, 0, 0, 700, 500},
         {5, 0, 0, 1, 700, 510},
         {5, 0, 0, 2, 700, 520},
         {5, 1, 0, 0, 700, 600},
         {5, 2, 0, 0, 800, 600}});
    std::vector<std::string> budgets;
    for (const auto& row : table1_rows(path()))
        budgets.push_back(row.budget + (row.augmented ? " augmented" : ""));
    EXPECT_EQ(budgets, (std::vector<std::string>{"epochs", "steps:2", "epochs augmented"}));
}

TEST_F(QueriesTest, Table1OfAnUnfinishedCampaignShowsItsBaselinesEmpty) {
    run({{5, 0, 0, 0, 0, 0}, {5, 1, 0, 0, 0, 0}});
    const auto rows = table1_rows(path());
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].seeds, 0);
    EXPECT_FALSE(rows[0].test_mean);
}

// docs/reference/model.md, check 27: test accuracies are permuted at random.
TEST(ChoiceOfMTest, DoesNotDependOnTestAccuracies) {
    constexpr unsigned kSeed = 2018;
    std::mt19937 random(kSeed);
    std::vector<PlannedCell> planned;
    std::vector<TrialRow> trials;
    for (int m = 0; m <= 10; ++m) {
        planned.push_back({"omniglot", 5, m, "epochs", 5});
        for (int seed = 0; seed < 5; ++seed) {
            trials.push_back({"omniglot", 5, m, seed, "epochs", "all", 1, 1,
                              static_cast<int>(random() % 636), 636,
                              static_cast<int>(random() % 422), 422});
        }
    }
    const auto chosen = table1_of(cells_of(planned, trials)).back().generated_per_real;
    std::vector<int> tests;
    for (const auto& trial : trials) tests.push_back(trial.test_correct);
    for (int round = 0; round < 50; ++round) {
        std::shuffle(tests.begin(), tests.end(), random);
        for (size_t i = 0; i < trials.size(); ++i) trials[i].test_correct = tests[i];
        EXPECT_EQ(table1_of(cells_of(planned, trials)).back().generated_per_real, chosen)
            << "seed " << kSeed << ", round " << round;
    }
}

// Users query the views with their own SQL; the views must agree with the functions.
TEST_F(QueriesTest, ViewsAgreeWithTheQueries) {
    std::mt19937 random(7);
    std::vector<Trial> trials;
    for (int n : {5, 10}) {
        for (int m = 0; m <= 4; ++m) {
            for (int seed = 0; seed < 4; ++seed) {
                const bool missing = random() % 5 == 0;
                trials.push_back({n, m, seed, 0,
                                  missing ? 0 : static_cast<int>(500 + random() % 4 * 100),
                                  static_cast<int>(random() % 1000)});
            }
        }
        for (int seed = 0; seed < 4; ++seed)
            trials.push_back({n, 0, seed, 2, 600, static_cast<int>(random() % 1000)});
    }
    run(trials);
    const auto number = [](const Value& value) -> std::optional<double> {
        if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
        if (const auto* real = std::get_if<double>(&value)) return *real;
        return std::nullopt;
    };
    const auto expect_same = [&](const Value& value, const std::optional<double>& expected) {
        ASSERT_EQ(number(value).has_value(), expected.has_value());
        if (expected) {
            EXPECT_NEAR(*number(value), *expected, 1e-12);
        }
    };
    const auto cells = cell_rows(path());
    const auto view =
        run_query(path(), "SELECT samples_per_class, generated_per_real, budget, seeds, missing, "
                          "validation_mean, test_mean, test_sd FROM cell");
    ASSERT_EQ(view.rows.size(), cells.size());
    for (const auto& row : view.rows) {
        const auto& same = cell(cells, static_cast<int>(*number(row[0])),
                                static_cast<int>(*number(row[1])), std::get<std::string>(row[2]));
        expect_same(row[3], same.seeds);
        expect_same(row[4], same.missing);
        expect_same(row[5], same.validation_mean);
        expect_same(row[6], same.test_mean);
        expect_same(row[7], same.test_sd);
    }
    const auto table1 = table1_rows(path());
    const auto table1_view =
        run_query(path(), "SELECT generated_per_real, budget, test_mean FROM table1 ORDER BY "
                          "samples_per_class, augmented, budget");
    ASSERT_EQ(table1_view.rows.size(), table1.size());
    for (size_t i = 0; i < table1.size(); ++i) {
        expect_same(table1_view.rows[i][0], table1[i].generated_per_real);
        EXPECT_EQ(std::get<std::string>(table1_view.rows[i][1]), table1[i].budget);
        expect_same(table1_view.rows[i][2], table1[i].test_mean);
    }
}

TEST_F(QueriesTest, TheViewMissingShowsTheLatestAttemptOfEachTrial) {
    const Plan plan{{planned(classifier("omniglot", 5, 0, 0)),
                     planned(classifier("omniglot", 5, 0, 1)),
                     planned(classifier("omniglot", 5, 0, 2))}};
    const auto store = open_sqlite_store(path());
    store->enter(campaign(), plan);
    finish(*store, plan.tasks[0], 800, 700);
    for (int i = 0; i < 2; ++i) {
        const auto token = store->start_attempt(plan.tasks[1].key, "1", "node7");
        store->finish_attempt(ended(plan.tasks[1].key, token, Outcome::died, "killed by signal 9"),
                              i == 1, false);
    }
    store->commit();
    const auto missing =
        run_query(path(), "SELECT seed, attempts, outcome, error FROM missing ORDER BY seed");
    ASSERT_EQ(missing.rows.size(), 2u);
    EXPECT_EQ(missing.rows[0],
              (std::vector<Value>{int64_t{1}, int64_t{2}, "died", "killed by signal 9"}));
    EXPECT_EQ(missing.rows[1],
              (std::vector<Value>{int64_t{2}, int64_t{0}, std::monostate{}, std::monostate{}}));
    const auto blame = run_query(path(), "SELECT host, attempts, failures, charged FROM blame");
    ASSERT_EQ(blame.rows.size(), 1u);
    EXPECT_EQ(blame.rows[0], (std::vector<Value>{"node7", int64_t{2}, int64_t{2}, int64_t{2}}));
    const auto cost = run_query(path(), "SELECT kind, device, steps, seconds_per_step FROM cost");
    EXPECT_EQ(cost.rows.at(0), (std::vector<Value>{"classifier", "cpu", int64_t{100}, 0.02}));
}

TEST_F(QueriesTest, AQueryReturnsNamesNumbersAndNulls) {
    run({{5, 0, 0, 0, 800, 700}});
    const auto table = run_query(
        path(), "SELECT count(*) AS n, 0.5 AS half, NULL AS empty, 'a' || 'b' AS text FROM trial;");
    EXPECT_EQ(table.columns, (std::vector<std::string>{"n", "half", "empty", "text"}));
    ASSERT_EQ(table.rows.size(), 1u);
    EXPECT_EQ(table.rows[0], (std::vector<Value>{int64_t{1}, 0.5, std::monostate{}, "ab"}));
}

TEST_F(QueriesTest, AQueryCannotWrite) {
    run({{5, 0, 0, 0, 800, 700}});
    for (const auto* sql : {"DELETE FROM result", "UPDATE attempt SET error = 'x'",
                            "DROP TABLE result", "CREATE TABLE x (y)", "PRAGMA user_version = 7",
                            "SELECT 1; DELETE FROM result", "ATTACH 'other.sqlite' AS other",
                            "PRAGMA query_only = OFF", "", "VACUUM", "SELECT nonsense"}) {
        try {
            run_query(path(), sql);
            ADD_FAILURE() << "accepted: " << sql;
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input) << sql << ": " << error.what();
        }
    }
    EXPECT_EQ(trial_rows(path()).size(), 1u);
    EXPECT_FALSE(std::filesystem::exists("other.sqlite"));
}

} // namespace
} // namespace dagan::results
