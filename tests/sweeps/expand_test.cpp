#include "sweeps/expand.h"

#include "sweeps/support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace dagan::sweeps {
namespace {

std::map<TaskKind, int> counts_of(const Plan& plan) {
    std::map<TaskKind, int> counts;
    for (const auto& task : plan.tasks) ++counts[kind_of(task.spec)];
    return counts;
}

template <class T> std::vector<T> tasks_of(const Plan& plan) {
    std::vector<T> tasks;
    for (const auto& task : plan.tasks) {
        if (const auto* found = std::get_if<T>(&task.spec)) tasks.push_back(*found);
    }
    return tasks;
}

Plan plan_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
    return expand(load_text(text, overrides));
}

// Holds for every plan: keys are unique and are the hashes of the texts; the tasks that a task
// needs come earlier and are those that it names.
void check_invariants(const Plan& plan) {
    std::set<std::string> keys;
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
        const auto& [key, spec, needs] = plan.tasks[i];
        EXPECT_EQ(key, key_of(spec));
        EXPECT_TRUE(keys.insert(key).second) << "twice: " << label_of(spec);
        std::set<std::string> needed;
        for (const int need : needs) {
            ASSERT_GE(need, 0);
            ASSERT_LT(need, static_cast<int>(i)) << label_of(spec);
            needed.insert(plan.tasks[static_cast<size_t>(need)].key);
        }
        std::set<std::string> named;
        if (const auto* gan = std::get_if<GanTask>(&spec)) named = {gan->selector};
        if (const auto* pool = std::get_if<PoolTask>(&spec)) named = {pool->gan_task};
        if (const auto* classifier = std::get_if<ClassifierTask>(&spec))
            named = {classifier->pool, classifier->gan_task};
        named.erase("");
        EXPECT_EQ(named, needed) << label_of(spec);
    }
}

TEST(ExpandTest, OneTaskPerSelectorDaganPoolAndClassifier) {
    const Plan plan = plan_of(kSmallSweep);
    check_invariants(plan);
    auto counts = counts_of(plan);
    EXPECT_EQ(counts[TaskKind::selector], 1);
    EXPECT_EQ(counts[TaskKind::gan], 1);
    EXPECT_EQ(counts[TaskKind::pool], 2) << "one per seed";
    EXPECT_EQ(counts[TaskKind::classifier], 2 * 3 * 2);
}

TEST(ExpandTest, IsAFunctionOfTheSweep) {
    const Plan a = plan_of(kSmallSweep), b = plan_of(kSmallSweep);
    ASSERT_EQ(a.tasks.size(), b.tasks.size());
    for (size_t i = 0; i < a.tasks.size(); ++i) EXPECT_EQ(a.tasks[i].key, b.tasks[i].key);
}

// Keys name results and files of existing campaigns, which cannot continue if the keys change. A
// new meaning of an option is a good reason to change them; a reordered struct is not.
TEST(ExpandTest, KeysAreStable) {
    const Plan plan = plan_of(kSmallSweep);
    EXPECT_EQ(plan.tasks.front().key, "a17b3e870d43fe08b016e9b458d28559")
        << to_text(plan.tasks.front().spec);
    EXPECT_EQ(plan.tasks.back().key, "80cafd64ad4dee58b744b2ed3e168122")
        << to_text(plan.tasks.back().spec);
}

TEST(ExpandTest, TheBaselineNeedsNothing) {
    for (const auto& task : plan_of(kSmallSweep).tasks) {
        const auto* classifier = std::get_if<ClassifierTask>(&task.spec);
        if (classifier == nullptr) continue;
        EXPECT_EQ(task.needs.empty(), classifier->generated_per_real == 0) << label_of(task.spec);
        EXPECT_FALSE(classifier->gan.has_value());
    }
}

TEST(ExpandTest, WithoutGeneratedImagesThereIsNoDagan) {
    const Plan plan = plan_of(kSmallSweep, {"sweep.0.generated_per_real=0"});
    check_invariants(plan);
    EXPECT_EQ(counts_of(plan), (std::map<TaskKind, int>{{TaskKind::classifier, 4}}));
}

TEST(ExpandTest, OnlySelectionByAClassifierNeedsASelector) {
    for (const char* select : {"critic_loss", "last"}) {
        const Plan plan = plan_of(kSmallSweep, {std::string("gan.select=") + select});
        check_invariants(plan);
        EXPECT_EQ(counts_of(plan).count(TaskKind::selector), 0U) << select;
        EXPECT_EQ(tasks_of<GanTask>(plan).at(0).selector, "");
    }
}

TEST(ExpandTest, TheDaganDoesNotDependOnOptionsThatOnlyClassifiersHave) {
    const auto key_of_gan = [](const std::vector<std::string>& overrides) {
        for (const PlannedTask& task : plan_of(kSmallSweep, overrides).tasks) {
            if (kind_of(task.spec) == TaskKind::gan) return task.key;
        }
        return std::string();
    };
    const std::string key = key_of_gan({});
    EXPECT_NE(key, "");
    for (const char* same : {"classifier.generation=fresh", "classifier.pool_size=7",
                             "classifier.epoch_select=last", "classifier.mark_generated=false"})
        EXPECT_EQ(key_of_gan({same}), key) << same;
    // Its selector is a classifier too.
    for (const char* other : {"classifier.epochs=7", "classifier.growth=8", "gan.iterations=9"})
        EXPECT_NE(key_of_gan({other}), key) << other;
}

TEST(ExpandTest, FreshImagesNeedTheDaganItself) {
    const Plan plan = plan_of(kSmallSweep, {"classifier.generation=fresh"});
    check_invariants(plan);
    EXPECT_EQ(counts_of(plan).count(TaskKind::pool), 0U);
    for (const auto& task : tasks_of<ClassifierTask>(plan)) {
        EXPECT_EQ(task.gan.has_value(), task.generated_per_real > 0);
        EXPECT_EQ(task.gan_task.empty(), task.generated_per_real == 0);
        EXPECT_EQ(task.pool, "");
    }
}

TEST(ExpandTest, OneStreamForAllCellsOfADataSetAndSeed) {
    const Plan plan = plan_of(kSmallSweep);
    std::map<int, std::set<uint64_t>> streams;
    for (const auto& task : tasks_of<ClassifierTask>(plan)) streams[task.seed].insert(task.stream);
    for (const auto& task : tasks_of<PoolTask>(plan)) streams[task.seed].insert(task.stream);
    ASSERT_EQ(streams.size(), 2U);
    EXPECT_EQ(streams[0].size(), 1U) << "equal over n and m";
    EXPECT_EQ(streams[1].size(), 1U);
    std::set<uint64_t> all{*streams[0].begin(), *streams[1].begin()};
    for (const auto& task : tasks_of<GanTask>(plan)) all.insert(task.stream);
    for (const auto& task : tasks_of<SelectorTask>(plan)) all.insert(task.stream);
    EXPECT_EQ(all.size(), 4U) << "seeds, DAGAN and selector have streams of their own";
    EXPECT_NE(tasks_of<ClassifierTask>(plan_of(kSmallSweep, {"seed=12"})).at(0).stream,
              *streams[0].begin());
}

TEST(ExpandTest, ThePoolServesTheLargestNThatIsAugmented) {
    const std::string text =
        with(kSmallSweep, "resources",
             "  - {dataset: omniglot, samples_per_class: 9, generated_per_real: 0}\nresources");
    for (const auto& pool : tasks_of<PoolTask>(plan_of(text))) EXPECT_EQ(pool.samples_per_class, 4);
    const Plan plan = plan_of(text, {"sweep.1.generated_per_real=[0, 2]"});
    check_invariants(plan);
    for (const auto& pool : tasks_of<PoolTask>(plan)) EXPECT_EQ(pool.samples_per_class, 9);
    EXPECT_EQ(tasks_of<PoolTask>(plan).size(), 2U) << "shared by both rows";
}

TEST(ExpandTest, ADaganOfAnotherSetIsTrainedOnThatSet) {
    std::string text =
        with(kSmallSweep, "gan: {iter",
             "  emnist: {file: emnist.h5, protocol: balanced47, gan: omniglot}\ngan: {iter");
    text = with(text,
                "  - {dataset: omniglot, samples_per_class: [2, 4], generated_per_real: [0, 1, 3]}",
                "  - {dataset: emnist, samples_per_class: 15, generated_per_real: [0, 1]}");
    const Plan plan = plan_of(text, {"gan_for.omniglot.z_dim=17"});
    check_invariants(plan);
    ASSERT_EQ(tasks_of<GanTask>(plan).size(), 1U);
    EXPECT_EQ(tasks_of<GanTask>(plan)[0].dataset.name, "omniglot");
    EXPECT_EQ(tasks_of<SelectorTask>(plan).at(0).dataset.name, "omniglot");
    for (const auto& pool : tasks_of<PoolTask>(plan)) {
        EXPECT_EQ(pool.dataset.name, "emnist");
        EXPECT_EQ(pool.gan.z_dim, 17) << "the options of the DAGAN that was trained";
    }
}

TEST(ExpandTest, ATaskKnowsTheDataItWasPlannedFor) {
    const Plan plan =
        plan_of(with(kSmallSweep, "[1412, 1420]", "[1412, end]"), {"gan.selector_train=15"});
    for (const auto& task : plan.tasks) {
        const DatasetRef& ref = dataset_of(task.spec);
        EXPECT_EQ(ref.options.split.test, (ClassRange{1412, 1623}));
        EXPECT_EQ(ref.options.expect, (DatasetShape{1623, 20, 1, 28}));
        EXPECT_EQ(ref.sha256, "omniglot-sha");
        EXPECT_EQ(ref.size, 28);
    }
    EXPECT_EQ(tasks_of<SelectorTask>(plan).at(0).train_share, 0.75) << "15 of 20";
}

TEST(ExpandTest, ResourcesReachTheTasks) {
    const Plan plan =
        plan_of(kSmallSweep, {"resources.gan_ranks=4", "resources.threads_per_trainer=3"});
    EXPECT_EQ(tasks_of<GanTask>(plan).at(0).ranks, 4);
    for (const auto& task : plan.tasks) EXPECT_EQ(threads_of(task.spec), 3) << label_of(task.spec);
}

// Returns the cells of one (n, seed) as (m, match_steps_of).
std::multiset<std::pair<int, int>> cells_with_budget(const std::string& budget) {
    std::multiset<std::pair<int, int>> cells;
    const Plan plan = plan_of(
        kSmallSweep, {"sweep.0.budget=" + budget, "seeds=1", "sweep.0.samples_per_class=2"});
    check_invariants(plan);
    for (const auto& task : tasks_of<ClassifierTask>(plan))
        cells.emplace(task.generated_per_real, task.match_steps_of);
    return cells;
}

TEST(ExpandTest, BudgetsAddStepMatchedBaselines) {
    using Cells = std::multiset<std::pair<int, int>>;
    EXPECT_EQ(cells_with_budget("epochs"), (Cells{{0, 0}, {1, 0}, {3, 0}}));
    EXPECT_EQ(cells_with_budget("steps"), (Cells{{0, 1}, {0, 3}, {1, 0}, {3, 0}}));
    EXPECT_EQ(cells_with_budget("both"), (Cells{{0, 0}, {0, 1}, {0, 3}, {1, 0}, {3, 0}}));
}

} // namespace
} // namespace dagan::sweeps
