// The sweeps in sweeps/, planned without their data.
#include "sweeps/cost_model.h"
#include "sweeps/expand.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <tuple>

namespace dagan::sweeps {
namespace {

const std::filesystem::path kSweeps = std::filesystem::path(DAGAN_SOURCE_DIR) / "sweeps";

Plan plan_of(const std::string& name, const std::vector<std::string>& overrides = {}) {
    return expand(load_sweep(
        kSweeps / name, overrides, [](const std::string&) { return std::nullopt; },
        MissingData::use_expect));
}

TEST(ShippedSweepsTest, AllLoadAndPlanWithoutData) {
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kSweeps)) {
        if (entry.path().extension() != ".yaml") continue;
        ++found;
        EXPECT_GT(plan_of(entry.path().filename()).tasks.size(), 0U) << entry.path();
    }
    EXPECT_GE(found, 6);
}

// The sweeps for the paper's question have five seeds in every cell, and both baselines for every
// run with generated images.
TEST(ShippedSweepsTest, DeskOvernightAndGpuAreComplete) {
    for (const char* name : {"desk.yaml", "overnight.yaml", "gpu.yaml"}) {
        SCOPED_TRACE(name);
        // By n, m and the m whose steps are matched.
        std::map<std::tuple<int, int, int>, int> seeds;
        for (const auto& task : plan_of(name).tasks) {
            if (const auto* trial = std::get_if<ClassifierTask>(&task.spec))
                ++seeds[{trial->samples_per_class, trial->generated_per_real,
                         trial->match_steps_of}];
        }
        std::set<int> ms;
        for (const auto& [cell, count] : seeds) {
            const auto [n, m, steps_of] = cell;
            EXPECT_EQ(count, 5) << n << " " << m << " " << steps_of;
            ms.insert(m);
            if (m == 0) continue;
            EXPECT_EQ(seeds.count({n, 0, 0}), 1U) << n;
            EXPECT_EQ(seeds.count({n, 0, m}), 1U) << n << " " << m;
        }
        EXPECT_GE(ms.size(), 3U);
    }
}

// `dagan run sweeps/plain.yaml --reuse DIR`, with the campaign of desk.yaml, compares the keys.
TEST(ShippedSweepsTest, PlainHasTheDaganAndSelectorOfDesk) {
    const auto keys = [](const char* name) {
        std::map<TaskKind, std::string> found;
        for (const auto& task : plan_of(name).tasks) found[kind_of(task.spec)] = task.key;
        return found;
    };
    auto desk = keys("desk.yaml"), plain = keys("plain.yaml");
    for (const TaskKind kind : {TaskKind::gan, TaskKind::selector})
        EXPECT_EQ(plain[kind], desk[kind]) << to_string(kind);
    EXPECT_NE(plain[TaskKind::classifier], desk[TaskKind::classifier]);
}

TEST(ShippedSweepsTest, Table1Is550ClassifiersAnd2Dagans) {
    std::map<TaskKind, int> counts;
    std::set<std::string> gans, keys;
    for (const auto& task : plan_of("table1.yaml").tasks) {
        ++counts[kind_of(task.spec)];
        keys.insert(task.key);
        if (kind_of(task.spec) == TaskKind::gan) gans.insert(dataset_of(task.spec).name);
    }
    EXPECT_EQ(counts[TaskKind::classifier], 550);
    EXPECT_EQ(counts[TaskKind::gan], 2);
    EXPECT_EQ(counts[TaskKind::selector], 2);
    EXPECT_EQ(counts[TaskKind::pool], 3 * 5);
    EXPECT_EQ(gans, (std::set<std::string>{"faces", "omniglot"})) << "EMNIST uses Omniglot's";
    EXPECT_EQ(keys.size(), 569U);
}

// docs/reference/model.md, "Compute", whole Table 1: 44.51 EFLOP of classifiers, 0.035 of pools,
// 0.314 and 1.583 of the DAGANs.
TEST(ShippedSweepsTest, Table1CostsAsDocumented) {
    const Plan plan = plan_of("table1.yaml");
    std::map<std::string, double> exaflop;
    for (const auto& task : plan.tasks) {
        exaflop[to_string(kind_of(task.spec)) +
                (kind_of(task.spec) == TaskKind::gan ? " " + dataset_of(task.spec).name : "")] +=
            2 * macs_of(task.spec, plan) / 1e18;
    }
    EXPECT_NEAR(exaflop["classifier"], 44.51, 0.01 * 44.51)
        << "the documented number excludes evaluation";
    EXPECT_NEAR(exaflop["pool"], 0.035, 0.0005);
    EXPECT_NEAR(exaflop["gan omniglot"], 0.314, 0.001);
    EXPECT_NEAR(exaflop["gan faces"], 1.583, 0.01);
}

TEST(ShippedSweepsTest, OptionsOfFacesDifferWhereThePaperDoes) {
    for (const auto& task : plan_of("table1.yaml").tasks) {
        const bool of_faces = dataset_of(task.spec).name == "faces";
        if (const auto* gan = std::get_if<GanTask>(&task.spec)) {
            EXPECT_EQ(gan->gan.dropout, of_faces ? 0.3 : 0.5);
            EXPECT_EQ(gan->gan.iterations, 200000);
        }
        if (const auto* classifier = std::get_if<ClassifierTask>(&task.spec)) {
            EXPECT_EQ(classifier->classifier.shift_px, of_faces ? 4 : 2);
        }
        if (const auto* selector = std::get_if<SelectorTask>(&task.spec)) {
            EXPECT_EQ(selector->train_share, of_faces ? 0.8 : 0.75);
        }
    }
}

} // namespace
} // namespace dagan::sweeps
