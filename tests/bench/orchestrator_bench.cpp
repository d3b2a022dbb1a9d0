// Measures costs outside of the training itself: dropout masks, messages, scheduling decisions and
// the store. Not a test: compare only figures of the same run.
#include "base/random.h"
#include "launcher/coordinator/forecast.h"
#include "launcher/protocol/messages.h"
#include "launcher/scheduling/schedule.h"
#include "results/store/store.h"

#include <benchmark/benchmark.h>

#include <unistd.h>

#include <filesystem>

namespace dagan {
namespace {

// `tasks` classifiers that depend on one DAGAN of four ranks.
Plan wide_plan(int tasks) {
    Plan plan;
    const TaskSpec gan =
        GanTask{.dataset = {}, .gan = {}, .selector = {}, .stream = 0, .ranks = 4, .threads = 1};
    plan.tasks.push_back({key_of(gan), gan, {}});
    for (int i = 0; i < tasks; ++i) {
        ClassifierTask task;
        task.seed = i;
        plan.tasks.push_back({key_of(task), task, {0}});
    }
    return plan;
}

void drop_out(benchmark::State& state) {
    std::vector<float> mask(1 << 20);
    uint32_t step = 0;
    for (auto _ : state) fill_dropout(mask, 0.5, 1, step++, 0, 0);
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(mask.size()));
}
BENCHMARK(drop_out);

void pass_a_message(benchmark::State& state) {
    const Plan plan = wide_plan(1);
    const launcher::Assign assignment{.task = plan.tasks[1].key,
                                      .attempt = 1,
                                      .spec = plan.tasks[1].spec,
                                      .members = {0},
                                      .position = 0};
    for (auto _ : state)
        benchmark::DoNotOptimize(launcher::decode_message(launcher::encode(assignment)));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(pass_a_message);

void simulate_a_campaign(benchmark::State& state) {
    const Plan plan = wide_plan(static_cast<int>(state.range(1)));
    std::vector<double> seconds(plan.tasks.size(), 1);
    for (size_t i = 0; i < seconds.size(); ++i) seconds[i] += static_cast<double>(i % 7);
    for (auto _ : state)
        benchmark::DoNotOptimize(
            launcher::simulate(plan, seconds, {.ranks = static_cast<int>(state.range(0))}));
    state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(simulate_a_campaign)
    ->Args({64, 550})
    ->Args({1000, 100000})
    ->Unit(benchmark::kMillisecond);

// Starts and finishes attempts; commits once per `group` of them.
void store_results(benchmark::State& state) {
    const auto path = std::filesystem::temp_directory_path() /
                      ("dagan-bench-" + std::to_string(::getpid()) + ".sqlite");
    const auto group = static_cast<size_t>(state.range(0));
    const Plan plan = wide_plan(200000);
    {
        const auto store = results::open_sqlite_store(path);
        store->enter({.name = "bench", .sweep = "{}", .code_version = "", .created = ""}, plan);
        store->commit();
        size_t next = 1;
        for (auto _ : state) {
            if (next + group > plan.tasks.size())
                return state.SkipWithError("the plan has too few tasks");
            for (size_t i = 0; i < group; ++i) {
                const std::string& key = plan.tasks[next++].key;
                const int64_t attempt = store->start_attempt(key, "0", "host");
                store->finish_attempt({.task = key, .attempt = attempt}, true, false);
            }
            store->commit();
        }
    }
    std::filesystem::remove(path);
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(store_results)->Arg(1)->Arg(64)->Arg(1024)->Iterations(100)->UseRealTime();

} // namespace
} // namespace dagan
