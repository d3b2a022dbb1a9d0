#include "launcher/forecast.h"

#include "base/error.h"
#include "launcher/plans.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

namespace dagan {
namespace {

Forecast forecast_of(const std::vector<Sketch>& tasks, Schedule::Resources resources) {
    return simulate(plan_of(tasks), seconds_of(tasks), resources);
}

TEST(ForecastTest, AChainTakesTheSumOnAnyNumberOfRanks) {
    for (const int ranks : {1, 7}) {
        const Forecast forecast =
            forecast_of({{.seconds = 2}, {.needs = {0}, .seconds = 3}, {.needs = {1}, .seconds = 4}}, {.ranks = ranks});
        EXPECT_DOUBLE_EQ(forecast.makespan_s, 9);
        EXPECT_DOUBLE_EQ(forecast.critical_path_s, 9);
        EXPECT_DOUBLE_EQ(forecast.rank_seconds, 9);
    }
}

TEST(ForecastTest, IndependentTasksShareTheRanks) {
    const std::vector<Sketch> tasks(12, Sketch{.seconds = 5});
    for (const auto& [ranks, slots, makespan] :
         {std::tuple{1, 1, 60.0}, {4, 1, 15.0}, {5, 1, 15.0}, {2, 3, 10.0}, {100, 1, 5.0}}) {
        const Forecast forecast = forecast_of(tasks, {.ranks = ranks, .slots_per_rank = slots});
        EXPECT_DOUBLE_EQ(forecast.makespan_s, makespan) << ranks << " ranks of " << slots;
        EXPECT_DOUBLE_EQ(forecast.rank_seconds, 60);
        EXPECT_DOUBLE_EQ(forecast.critical_path_s, 5);
    }
}

TEST(ForecastTest, LongTasksFirstMakeAShortEnd) {
    // In the plan's order the long one would start last: 3 + 6.
    EXPECT_DOUBLE_EQ(forecast_of({{.seconds = 3}, {.seconds = 3}, {.seconds = 6}}, {.ranks = 2}).makespan_s, 6);
}

TEST(ForecastTest, AGangTakesAllItsRanks) {
    // Gang of 2 for 10 s, then three of 4 s that need it, beside one of 12 s that needs nothing.
    const std::vector<Sketch> tasks{{.ranks = 2, .seconds = 10},
                                    {.needs = {0}, .seconds = 4},
                                    {.needs = {0}, .seconds = 4},
                                    {.needs = {0}, .seconds = 4},
                                    {.seconds = 12}};
    const Forecast forecast = forecast_of(tasks, {.ranks = 3});
    EXPECT_DOUBLE_EQ(forecast.rank_seconds, 20 + 12 + 12);
    EXPECT_DOUBLE_EQ(forecast.critical_path_s, 14);
    EXPECT_DOUBLE_EQ(forecast.makespan_s, 16); // two at 10, the last at 12 on the third rank
}

TEST(ForecastTest, AGangThatDoesNotFitIsRefused) {
    try {
        forecast_of({{.ranks = 4}}, {.ranks = 2});
        FAIL() << "was not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
    }
}

TEST(ForecastTest, AnEmptyPlanTakesNoTime) { EXPECT_DOUBLE_EQ(forecast_of({}, {.ranks = 2}).makespan_s, 0); }

TEST(ForecastTest, AHundredThousandTasksOnAThousandRanksArePlayedThrough) {
    Random random(derive(1, "large"));
    std::vector<Sketch> tasks{{.ranks = 8, .seconds = 500}, {.ranks = 16, .seconds = 300}};
    while (tasks.size() < 100'000) {
        Sketch task{.ranks = 1, .needs = {}, .seconds = random.uniform(1, 10)};
        if (random.chance(0.9)) task.needs = {static_cast<int>(random.below(2))};
        tasks.push_back(task);
    }
    const auto began = std::chrono::steady_clock::now();
    const Forecast forecast = forecast_of(tasks, {.ranks = 1000});
    std::printf("played through in %.2f s\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    EXPECT_GE(forecast.makespan_s, std::max(forecast.critical_path_s, forecast.rank_seconds / 1000));
    EXPECT_LE(forecast.makespan_s, 2 * std::max(forecast.critical_path_s, forecast.rank_seconds / 1000));
}

} // namespace
} // namespace dagan
