#include "results/query/diff.h"

#include "results/output/table_text.h"

#include <gtest/gtest.h>

#include <random>

namespace dagan::results {
namespace {

TrialRow trial(int m, int seed, int correct, int total = 1000) {
    TrialRow row;
    row.dataset = "omniglot";
    row.samples_per_class = 5;
    row.generated_per_real = m;
    row.seed = seed;
    row.budget = "epochs";
    row.best_epoch = 1;
    row.validation_correct = 500;
    row.validation_total = 1000;
    row.test_correct = correct;
    row.test_total = total;
    return row;
}

// Five seeds of one cell.
std::vector<TrialRow> cell(int m, const std::vector<int>& correct) {
    std::vector<TrialRow> rows;
    for (size_t seed = 0; seed < correct.size(); ++seed)
        rows.push_back(trial(m, static_cast<int>(seed), correct[seed]));
    return rows;
}

TEST(DiffTest, EqualCampaignsAreIdenticalAndDoNotDiffer) {
    const auto rows =
        diff_of(cell(0, {700, 710, 720, 705, 690}), cell(0, {700, 710, 720, 705, 690}), true);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_TRUE(rows[0].identical);
    EXPECT_FALSE(rows[0].differs);
    EXPECT_EQ(rows[0].p, 1.0);
}

// A seed's variation is common to both campaigns: a paired test detects a small shift, which an
// unpaired test cannot tell from the variation of the seeds.
TEST(DiffTest, PairingDetectsAShiftThatTheSeedsHide) {
    const auto a = cell(0, {600, 650, 700, 750, 800}), b = cell(0, {611, 660, 712, 759, 811});
    const auto paired = diff_of(a, b, true).at(0), unpaired = diff_of(a, b, false).at(0);
    EXPECT_EQ(paired.test, "paired t");
    EXPECT_TRUE(paired.differs);
    EXPECT_NEAR(*paired.difference, 0.0106, 1e-12);
    EXPECT_EQ(unpaired.test, "Welch");
    EXPECT_FALSE(unpaired.differs);
}

TEST(DiffTest, TooFewSeedsHaveNoTest) {
    const auto row = diff_of(cell(0, {700}), cell(0, {900}), true).at(0);
    EXPECT_EQ(row.test, "");
    EXPECT_FALSE(row.p || row.differs || row.identical);
    EXPECT_NEAR(*row.difference, 0.2, 1e-12);
}

TEST(DiffTest, ACellOfOneCampaignOnlyIsShown) {
    auto b = cell(0, {700, 710});
    const auto more = cell(1, {720, 730});
    b.insert(b.end(), more.begin(), more.end());
    const auto rows = diff_of(cell(0, {700, 710}), b, true);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[1].seeds_a, 0);
    EXPECT_EQ(rows[1].seeds_b, 2);
    EXPECT_FALSE(rows[1].mean_a || rows[1].p);
}

// Without Holm's correction, 200 comparisons of equal campaigns would show about ten differences.
TEST(DiffTest, ManyEqualCellsShowNoDifference) {
    constexpr unsigned kSeed = 11;
    std::mt19937 random(kSeed);
    std::binomial_distribution<int> draw(1000, 0.7);
    std::vector<TrialRow> a, b;
    for (int m = 0; m < 200; ++m) {
        for (int seed = 0; seed < 5; ++seed) {
            a.push_back(trial(m, seed, draw(random)));
            b.push_back(trial(m, seed, draw(random)));
        }
    }
    int small = 0, differing = 0;
    for (const auto& row : diff_of(a, b, false)) {
        small += *row.p < 0.05;
        differing += row.differs;
    }
    EXPECT_GT(small, 2) << "seed " << kSeed << ": the test would prove nothing";
    EXPECT_EQ(differing, 0) << "seed " << kSeed;
}

TEST(DiffTest, TheTableShowsDifferingCellsAndCsvShowsEveryCell) {
    auto a = cell(0, {600, 650, 700, 750, 800}), b = cell(0, {711, 760, 812, 859, 911});
    for (const auto& row : cell(1, {700, 710, 720, 705, 690})) a.push_back(row), b.push_back(row);
    const Diff diff{true, diff_of(a, b, true)};
    const auto text = render_diff(diff, TableFormat::table, false);
    EXPECT_NE(text.find("1 of 2 cells differ beyond noise"), std::string::npos) << text;
    EXPECT_NE(text.find("1 have identical counts"), std::string::npos) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
    const auto csv = render_diff(diff, TableFormat::csv, false);
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3) << csv;
}

} // namespace
} // namespace dagan::results
