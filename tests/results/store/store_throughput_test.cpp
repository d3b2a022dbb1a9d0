// Measures durable no-op results per second with group commit. Prints them and asserts no limit,
// since they depend on the disk as much as on the code.
#include "results/campaign_support.h"
#include "results/store/store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

namespace dagan::results {
namespace {

using namespace testing;

int task_count() {
    const char* text = std::getenv("DAGAN_BENCH_TASKS");
    return text ? std::atoi(text) : 20000;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Plan no_op_plan(int count) {
    Plan plan;
    for (int i = 0; i < count; ++i) plan.tasks.push_back(planned(classifier("none", 5, 0, i)));
    return plan;
}

// Starts and ends every task, `group` at a time, with one commit per group, or with one for the
// starts and one for the ends.
double results_per_second(Store& store, const Plan& plan, size_t group, bool one_commit) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<int64_t> tokens(group);
    for (size_t first = 0; first < plan.tasks.size(); first += group) {
        const size_t end = std::min(first + group, plan.tasks.size());
        for (size_t i = first; i < end; ++i)
            tokens[i - first] = store.start_attempt(plan.tasks[i].key, "0", "host");
        if (!one_commit) store.commit();
        for (size_t i = first; i < end; ++i) {
            EXPECT_TRUE(store.finish_attempt(
                ended(plan.tasks[i].key, tokens[i - first], Outcome::done), true, false));
        }
        store.commit();
    }
    return static_cast<double>(plan.tasks.size()) / seconds_since(start);
}

TEST(StoreThroughputTest, PrintsDurableNoOpResultsPerSecond) {
    const auto plan = no_op_plan(task_count());
    for (const bool one_commit : {true, false}) {
        for (const size_t group : {64, 256, 1024}) {
            TemporaryFolder folder;
            const auto store = open_sqlite_store(folder / "results.sqlite");
            const auto start = std::chrono::steady_clock::now();
            store->enter(campaign(), plan);
            store->commit();
            const double entered = static_cast<double>(plan.tasks.size()) / seconds_since(start);
            const double rate = results_per_second(*store, plan, group, one_commit);
            std::printf("%zu tasks, groups of %zu, %s commit(s) per group: %.0f results/s (entered "
                        "at %.0f tasks/s, %.1f MB)\n",
                        plan.tasks.size(), group, one_commit ? "one" : "two", rate, entered,
                        static_cast<double>(std::filesystem::file_size(folder / "results.sqlite")) /
                            1e6);
            EXPECT_EQ(store->load().size(), plan.tasks.size());
        }
    }
}

} // namespace
} // namespace dagan::results
