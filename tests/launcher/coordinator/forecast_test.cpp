#include "launcher/coordinator/forecast.h"

#include "base/error.h"
#include "base/temporary_folder.h"
#include "launcher/plans.h"
#include "results/store/store.h"
#include "sweeps/cost_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>

namespace dagan::launcher {
namespace {

Forecast forecast_of(const std::vector<Sketch>& tasks, Schedule::Resources resources) {
    return simulate(plan_of(tasks), seconds_of(tasks), resources);
}

TEST(ForecastTest, AChainTakesTheSumOnAnyNumberOfRanks) {
    for (const int ranks : {1, 7}) {
        const Forecast forecast = forecast_of(
            {{.seconds = 2}, {.needs = {0}, .seconds = 3}, {.needs = {1}, .seconds = 4}},
            {.ranks = ranks});
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

TEST(ForecastTest, TheLongestTaskStartsFirst) {
    // In the plan's order the long task would start last and end after 3 + 6 s.
    EXPECT_DOUBLE_EQ(
        forecast_of({{.seconds = 3}, {.seconds = 3}, {.seconds = 6}}, {.ranks = 2}).makespan_s, 6);
}

TEST(ForecastTest, AGangTakesAllItsRanks) {
    // A gang of 2 for 10 s, three tasks of 4 s that need it, and one of 12 s that needs nothing.
    const std::vector<Sketch> tasks{{.ranks = 2, .seconds = 10},
                                    {.needs = {0}, .seconds = 4},
                                    {.needs = {0}, .seconds = 4},
                                    {.needs = {0}, .seconds = 4},
                                    {.seconds = 12}};
    const Forecast forecast = forecast_of(tasks, {.ranks = 3});
    EXPECT_DOUBLE_EQ(forecast.rank_seconds, 20 + 12 + 12);
    EXPECT_DOUBLE_EQ(forecast.critical_path_s, 14);
    EXPECT_DOUBLE_EQ(forecast.makespan_s, 16); // two start at 10 s, the third at 12 s
}

TEST(ForecastTest, AGangThatDoesNotFitIsRefused) {
    try {
        forecast_of({{.ranks = 4}}, {.ranks = 2});
        FAIL() << "was not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
    }
}

TEST(ForecastTest, AnEmptyPlanTakesNoTime) {
    EXPECT_DOUBLE_EQ(forecast_of({}, {.ranks = 2}).makespan_s, 0);
}

TEST(ForecastTest, AHundredThousandTasksOnAThousandRanksAreSimulated) {
    Random random(derive(1, "large"));
    std::vector<Sketch> tasks{{.ranks = 8, .seconds = 500}, {.ranks = 16, .seconds = 300}};
    while (tasks.size() < 100'000) {
        Sketch task{.ranks = 1, .needs = {}, .seconds = random.uniform(1, 10)};
        if (random.chance(0.9)) task.needs = {static_cast<int>(random.below(2))};
        tasks.push_back(task);
    }
    const auto began = std::chrono::steady_clock::now();
    const Forecast forecast = forecast_of(tasks, {.ranks = 1000});
    std::printf("simulated in %.2f s\n",
                std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    EXPECT_GE(forecast.makespan_s,
              std::max(forecast.critical_path_s, forecast.rank_seconds / 1000));
    EXPECT_LE(forecast.makespan_s,
              2 * std::max(forecast.critical_path_s, forecast.rank_seconds / 1000));
}

// A database with three classifiers of different size and a DAGAN of two ranks.
class MeasuredRateTest : public testing::Test {
  protected:
    void SetUp() override {
        for (const int epochs : {2, 6, 4}) {
            ClassifierTask task = known<ClassifierTask>();
            task.samples_per_class = 5;
            task.classifier.epochs = epochs;
            task.threads = 2;
            add(task);
        }
        GanTask gan = known<GanTask>();
        gan.gan.iterations = 10;
        gan.ranks = 2;
        add(gan);
        store_ = results::open_sqlite_store(path_);
        store_->enter({.name = "test", .sweep = "{}", .code_version = "", .created = ""}, plan_);
    }
    template <class Task> static Task known() {
        Task task;
        task.dataset.name = "strokes";
        task.dataset.channels = 1;
        task.dataset.size = 28;
        task.dataset.options.expect = {
            .classes = 20, .images_per_class = 20, .channels = 1, .size = 28};
        return task;
    }
    void add(const TaskSpec& spec) { plan_.tasks.push_back({key_of(spec), spec, {}}); }
    // Records an attempt of task `index` that did `share` of its steps, at `macs_per_s`
    // multiply-adds per second and thread.
    void run(size_t index, double macs_per_s, double share = 1, Outcome outcome = Outcome::done) {
        const PlannedTask& task = plan_.tasks[index];
        const double seconds = share * sweeps::macs_of(task.spec, plan_) / macs_per_s /
                               (ranks_of(task.spec) * threads_of(task.spec));
        const auto steps =
            static_cast<int64_t>(share * static_cast<double>(sweeps::steps_of(task.spec)));
        store_->finish_attempt({.task = task.key,
                                .attempt = store_->start_attempt(task.key, "0", "host"),
                                .outcome = outcome,
                                .cost = {"cpu", seconds, steps, 0}},
                               outcome == Outcome::done, false);
        store_->commit();
    }

    TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "results.sqlite";
    Plan plan_;
    std::unique_ptr<results::Store> store_;
};

TEST_F(MeasuredRateTest, WithoutMeasurementsTheRateIsCalibrated) {
    const Rate rate = measured_rate(path_);
    EXPECT_EQ(rate.source(), "calibrated");
    EXPECT_EQ(rate.of(TaskKind::gan), Rate{}.macs_per_s);
}

TEST_F(MeasuredRateTest, EveryKindHasItsOwnRatePerThread) {
    run(0, 3e9);
    run(1, 3e9);
    run(3, 8e9);
    const Rate rate = measured_rate(path_);
    EXPECT_EQ(rate.source(), "measured");
    EXPECT_NEAR(rate.of(TaskKind::classifier), 3e9, 1);
    EXPECT_NEAR(rate.of(TaskKind::gan), 8e9, 1);
    EXPECT_NEAR(rate.of(TaskKind::pool), std::sqrt(3e9 * 8e9), 1)
        << "the geometric mean of the others";
    EXPECT_DOUBLE_EQ(rate.uncertainty, 1.1) << "the lower limit";
    const auto seconds = expected_seconds(plan_, rate);
    EXPECT_NEAR(seconds[2], sweeps::macs_of(plan_.tasks[2].spec, plan_) / 3e9 / 2, 1e-6);
}

TEST_F(MeasuredRateTest, AttemptsThatDidNotRunAWholeTaskAreNotCounted) {
    run(0, 3e9);
    run(2, 9e9, 0.5, Outcome::interrupted);
    run(2, 9e9, 0.5); // the rest
    EXPECT_NEAR(measured_rate(path_).of(TaskKind::classifier), 3e9, 1);
}

TEST_F(MeasuredRateTest, RatesThatDifferWidelyMakeTheForecastUncertain) {
    run(0, 2e9);
    run(1, 6e9);
    const Rate rate = measured_rate(path_);
    EXPECT_GT(rate.uncertainty, 1.5);
    EXPECT_GT(rate.of(TaskKind::classifier), 2e9);
    EXPECT_LT(rate.of(TaskKind::classifier), 6e9);
}

TEST_F(MeasuredRateTest, TrainersThatShareAGpuCountAsOne) {
    plan_.tasks.pop_back(); // the gang
    const Resources resources{.trainers_per_rank = 3};
    const SavedForecast cores = make_forecast(plan_, resources, 1, false, Rate{}),
                        gpu = make_forecast(plan_, resources, 1, true, Rate{});
    EXPECT_DOUBLE_EQ(cores.forecast.makespan_s, cores.forecast.critical_path_s)
        << "three at a time";
    EXPECT_DOUBLE_EQ(gpu.forecast.makespan_s, gpu.forecast.rank_seconds) << "one at a time";
}

TEST(SavedForecastTest, ACampaignKeepsItsFirstForecast) {
    const TemporaryFolder folder;
    const auto file = folder / "forecast.json";
    EXPECT_FALSE(read_forecast(file));
    keep_forecast(file, {.rate = {.macs_per_s = 5, .measured = {{"gan", 7}}},
                         .forecast = {.makespan_s = 3},
                         .ranks = 2});
    keep_forecast(file, {});
    const auto saved = read_forecast(file);
    ASSERT_TRUE(saved);
    EXPECT_EQ(saved->ranks, 2);
    EXPECT_EQ(saved->rate.of(TaskKind::gan), 7);
    EXPECT_EQ(saved->forecast.makespan_s, 3);
}

} // namespace
} // namespace dagan::launcher
