// Compares the statistics with an independent computation: reference/statistics.py, with SciPy,
// statsmodels and pandas, writes its values to reference/statistics.json.
#include "base/file.h"
#include "results/query/cells.h"
#include "results/statistics/bootstrap.h"
#include "results/statistics/significance.h"
#include "results/statistics/statistics.h"
#include "spec/json.h"

#include <gtest/gtest.h>

namespace dagan::results {
namespace {

// Both sides compute in double, by different formulas that round differently.
constexpr double kTolerance = 1e-10;

const Json& reference() {
    static const Json kReference = Json::parse(read_file(
        std::string(DAGAN_SOURCE_DIR) + "/tests/results/statistics/reference/statistics.json"));
    return kReference;
}

void expect_same(const std::optional<double>& ours, const Json& theirs, const std::string& what) {
    ASSERT_EQ(ours.has_value(), !theirs.is_null()) << what;
    if (ours) {
        EXPECT_NEAR(*ours, theirs.get<double>(), kTolerance) << what;
    }
}

std::vector<PlannedCell> planned_cells() {
    std::vector<PlannedCell> cells;
    for (const auto& cell : reference().at("planned"))
        cells.push_back({cell.at("dataset"), cell.at("samples_per_class"),
                         cell.at("generated_per_real"), cell.at("budget"), cell.at("seeds")});
    return cells;
}

std::vector<TrialRow> trials() {
    std::vector<TrialRow> rows;
    for (const auto& trial : reference().at("trials")) {
        TrialRow row;
        row.dataset = trial.at("dataset");
        row.samples_per_class = trial.at("samples_per_class");
        row.generated_per_real = trial.at("generated_per_real");
        row.budget = trial.at("budget");
        row.seed = trial.at("seed");
        row.validation_correct = trial.at("validation_correct");
        row.validation_total = trial.at("validation_total");
        row.test_correct = trial.at("test_correct");
        row.test_total = trial.at("test_total");
        rows.push_back(row);
    }
    return rows;
}

TEST(StatisticsReferenceTest, MeansDeviationsAndTIntervalsAgreeWithSciPy) {
    for (const auto& sample : reference().at("samples")) {
        const auto summary = summarize(sample.at("values").get<std::vector<double>>());
        const auto what = sample.dump();
        expect_same(summary.mean, sample.at("mean"), what);
        expect_same(summary.sd, sample.at("sd"), what);
        expect_same(summary.low, sample.at("low"), what);
        expect_same(summary.high, sample.at("high"), what);
    }
}

TEST(StatisticsReferenceTest, BootstrapIntervalsAgreeWithBruteForce) {
    for (const auto& sample : reference().at("samples")) {
        const auto values = sample.at("values").get<std::vector<double>>();
        const auto summary = summarize(values, IntervalMethod::bootstrap);
        expect_same(summary.low, sample.at("bootstrap_low"), sample.dump());
        expect_same(summary.high, sample.at("bootstrap_high"), sample.dump());
    }
}

TEST(StatisticsReferenceTest, TestsOfDifferencesAgreeWithSciPy) {
    for (const auto& test : reference().at("tests")) {
        const auto a = test.at("a").get<std::vector<double>>(),
                   b = test.at("b").get<std::vector<double>>();
        expect_same(welch_p(a, b), test.at("welch_p"), test.dump());
        std::vector<double> differences;
        for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
            differences.push_back(a[i] - b[i]);
        expect_same(paired_p(differences), test.at("paired_p"), test.dump());
    }
}

TEST(StatisticsReferenceTest, HolmsCorrectionAgreesWithStatsmodels) {
    for (const auto& family : reference().at("holm")) {
        std::vector<std::optional<double>> p;
        for (const double value : family.at("p")) p.emplace_back(value);
        const auto adjusted = holm_adjusted(p);
        ASSERT_EQ(adjusted.size(), family.at("adjusted").size());
        for (size_t i = 0; i < p.size(); ++i)
            expect_same(adjusted[i], family.at("adjusted")[i], family.dump());
    }
}

TEST(StatisticsReferenceTest, GainsAgainstBothKindsOfBaselineAgreeWithPandas) {
    const auto rows = gains_of(planned_cells(), trials());
    const auto& theirs = reference().at("gains");
    ASSERT_EQ(rows.size(), theirs.size());
    for (size_t i = 0; i < rows.size(); ++i) {
        const auto what = theirs[i].dump();
        EXPECT_EQ(rows[i].dataset, theirs[i].at("dataset").get<std::string>()) << what;
        EXPECT_EQ(rows[i].generated_per_real, theirs[i].at("generated_per_real").get<int>())
            << what;
        EXPECT_EQ(rows[i].against, theirs[i].at("against").get<std::string>()) << what;
        EXPECT_EQ(rows[i].pairs, theirs[i].at("pairs").get<int>()) << what;
        EXPECT_EQ(rows[i].missing, theirs[i].at("missing").get<int>()) << what;
        expect_same(rows[i].mean, theirs[i].at("mean"), what);
        expect_same(rows[i].sd, theirs[i].at("sd"), what);
        expect_same(rows[i].low, theirs[i].at("low"), what);
        expect_same(rows[i].high, theirs[i].at("high"), what);
        expect_same(rows[i].bootstrap_low, theirs[i].at("bootstrap_low"), what);
        expect_same(rows[i].bootstrap_high, theirs[i].at("bootstrap_high"), what);
        expect_same(rows[i].p, theirs[i].at("p"), what);
        expect_same(rows[i].p_holm, theirs[i].at("p_holm"), what);
    }
}

TEST(StatisticsReferenceTest, ValidationCurvesAndTheirBestAgreeWithPandas) {
    const auto rows = choices_of(planned_cells(), trials());
    const auto& theirs = reference().at("choices");
    ASSERT_EQ(rows.size(), theirs.size());
    for (size_t i = 0; i < rows.size(); ++i) {
        const auto what = theirs[i].dump();
        EXPECT_EQ(rows[i].dataset, theirs[i].at("dataset").get<std::string>()) << what;
        EXPECT_EQ(rows[i].generated_per_real, theirs[i].at("generated_per_real").get<int>())
            << what;
        EXPECT_EQ(rows[i].seeds, theirs[i].at("seeds").get<int>()) << what;
        EXPECT_EQ(rows[i].missing, theirs[i].at("missing").get<int>()) << what;
        EXPECT_EQ(rows[i].chosen, theirs[i].at("chosen").get<bool>()) << what;
        expect_same(rows[i].mean, theirs[i].at("mean"), what);
        expect_same(rows[i].low, theirs[i].at("low"), what);
        expect_same(rows[i].high, theirs[i].at("high"), what);
        expect_same(rows[i].behind_mean, theirs[i].at("behind_mean"), what);
        expect_same(rows[i].behind_low, theirs[i].at("behind_low"), what);
        expect_same(rows[i].behind_high, theirs[i].at("behind_high"), what);
    }
}

// Beyond exact enumeration, resamples are drawn. The interval is always the same, and close to the
// t interval for many values.
TEST(BootstrapTest, ResamplesOfManyValuesAreDrawnFromAFixedStream) {
    std::vector<double> values;
    for (int i = 0; i < 40; ++i) values.push_back(0.8 + 0.001 * ((i * 37) % 41 - 20));
    const auto first = bca_interval(values), again = bca_interval(values);
    EXPECT_EQ(first->low, again->low);
    EXPECT_EQ(first->high, again->high);
    const auto t = summarize(values);
    const double width = *t.high - *t.low;
    EXPECT_NEAR(first->low, *t.low, 0.1 * width);
    EXPECT_NEAR(first->high, *t.high, 0.1 * width);
}

TEST(BootstrapTest, TooFewOrEqualValuesHaveNoWidth) {
    EXPECT_FALSE(bca_interval({}));
    EXPECT_FALSE(bca_interval(std::vector<double>{0.5}));
    const auto equal = bca_interval(std::vector<double>(5, 0.3));
    EXPECT_EQ(equal->low, 0.3);
    EXPECT_EQ(equal->high, 0.3);
}

TEST(SignificanceTest, EqualDifferencesHaveAPValueOfZeroOrOne) {
    EXPECT_EQ(paired_p(std::vector<double>{0, 0, 0}), 1.0);
    EXPECT_EQ(paired_p(std::vector<double>{0.1, 0.1, 0.1}), 0.0);
    EXPECT_FALSE(paired_p(std::vector<double>{0.1}));
    EXPECT_FALSE(welch_p(std::vector<double>{0.1, 0.2}, std::vector<double>{0.1}));
    EXPECT_EQ(welch_p(std::vector<double>{0.5, 0.5}, std::vector<double>{0.5, 0.5}), 1.0);
}

TEST(SignificanceTest, MissingTestsDoNotCountInTheCorrection) {
    const std::vector<std::optional<double>> p{0.02, std::nullopt, 0.03};
    const auto adjusted = holm_adjusted(p);
    EXPECT_NEAR(*adjusted[0], 0.04, 1e-12);
    EXPECT_FALSE(adjusted[1]);
    EXPECT_NEAR(*adjusted[2], 0.04, 1e-12) << "never below the previous one";
}

} // namespace
} // namespace dagan::results
