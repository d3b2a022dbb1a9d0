#include "results/statistics/statistics.h"

#include <gtest/gtest.h>

#include <vector>

namespace dagan::results {
namespace {

// Values of printed statistical tables.
TEST(StudentTTest, QuantilesAgreeWithPrintedTables) {
    const std::vector<std::pair<int, double>> table{{1, 12.7062}, {2, 4.3027},  {3, 3.1824},
                                                    {4, 2.7764},  {5, 2.5706},  {9, 2.2622},
                                                    {30, 2.0423}, {120, 1.9799}};
    for (const auto& [degrees, expected] : table)
        EXPECT_NEAR(student_t_quantile(0.975, degrees), expected, 5e-5) << degrees;
    EXPECT_NEAR(student_t_quantile(0.95, 10), 1.8125, 5e-5);
    EXPECT_NEAR(student_t_quantile(0.995, 4), 4.6041, 5e-5);
    EXPECT_NEAR(student_t_quantile(0.5, 3), 0, 1e-12);
    EXPECT_NEAR(student_t_quantile(0.025, 4), -2.7764, 5e-5);
}

// docs/reference/model.md, check 27.
TEST(SummarizeTest, ASummaryAgreesWithTheWorkedExample) {
    const std::vector<double> accuracies{0.80, 0.82, 0.81, 0.83, 0.79};
    const auto summary = summarize(accuracies);
    EXPECT_EQ(summary.count, 5);
    EXPECT_NEAR(*summary.mean, 0.81, 1e-12);
    EXPECT_NEAR(*summary.sd, 0.015811, 5e-7);
    EXPECT_NEAR((*summary.high - *summary.low) / 2, 0.01963, 5e-6);
}

TEST(SummarizeTest, OneValueHasAMeanOnly) {
    const std::vector<double> one{0.5};
    const auto summary = summarize(one);
    EXPECT_EQ(summary.mean, 0.5);
    EXPECT_FALSE(summary.sd || summary.low || summary.high);
}

TEST(SummarizeTest, NoValueHasNoMean) { EXPECT_FALSE(summarize({}).mean); }

TEST(SummarizeTest, EqualValuesHaveNoSpread) {
    const std::vector<double> equal(5, 0.1);
    EXPECT_NEAR(*summarize(equal).sd, 0, 1e-15);
}

} // namespace
} // namespace dagan::results
