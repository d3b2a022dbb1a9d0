#include "spec/task.h"

#include "base/error.h"
#include "spec/json.h"

#include <gtest/gtest.h>

#include <set>

namespace dagan {
namespace {

std::vector<TaskSpec> one_of_each() {
    SelectorTask selector;
    selector.dataset.name = "omniglot";
    GanTask gan;
    gan.dataset.name = "omniglot";
    gan.selector = "s";
    gan.ranks = 4;
    gan.threads = 2;
    PoolTask pool;
    pool.dataset.name = "omniglot";
    pool.seed = 3;
    ClassifierTask classifier;
    classifier.dataset.name = "omniglot";
    classifier.samples_per_class = 5;
    classifier.generated_per_real = 3;
    classifier.gan = GanOptions{};
    return {selector, gan, pool, classifier};
}

TEST(TaskTest, EachKindIsRestoredFromItsText) {
    for (const auto& task : one_of_each()) {
        EXPECT_EQ(task_from_text(to_text(task)), task) << label_of(task);
        EXPECT_EQ(to_text(task_from_text(to_text(task))), to_text(task)) << label_of(task);
    }
}

TEST(TaskTest, KindsHaveTheOrderOfTheVariant) {
    const auto tasks = one_of_each();
    EXPECT_EQ(kind_of(tasks[0]), TaskKind::selector);
    EXPECT_EQ(kind_of(tasks[1]), TaskKind::gan);
    EXPECT_EQ(kind_of(tasks[2]), TaskKind::pool);
    EXPECT_EQ(kind_of(tasks[3]), TaskKind::classifier);
    EXPECT_EQ(Json::parse(to_text(tasks[2])).at("kind"), "pool");
}

TEST(TaskTest, OnlyAGangHasSeveralRanks) {
    const auto tasks = one_of_each();
    EXPECT_EQ(ranks_of(tasks[1]), 4);
    EXPECT_EQ(threads_of(tasks[1]), 2);
    for (const size_t other : {0U, 2U, 3U}) EXPECT_EQ(ranks_of(tasks[other]), 1);
}

TEST(TaskTest, LabelsNameTheTask) {
    auto tasks = one_of_each();
    EXPECT_EQ(label_of(tasks[0]), "selector omniglot");
    EXPECT_EQ(label_of(tasks[1]), "gan omniglot");
    EXPECT_EQ(label_of(tasks[2]), "pool omniglot seed=3");
    EXPECT_EQ(label_of(tasks[3]), "classifier omniglot n=5 m=3 seed=0");
    auto& baseline = std::get<ClassifierTask>(tasks[3]);
    baseline.generated_per_real = 0;
    baseline.match_steps_of = 3;
    EXPECT_EQ(label_of(tasks[3]), "classifier omniglot n=5 m=0 seed=0 steps:3");
}

// Collects the JSON pointers of all numbers and booleans.
void collect_leaves(const Json& at, const std::string& pointer, std::vector<std::string>& leaves) {
    if (at.is_object()) {
        for (const auto& [key, value] : at.items())
            collect_leaves(value, pointer + "/" + key, leaves);
    } else if (at.is_array()) {
        for (size_t i = 0; i < at.size(); ++i)
            collect_leaves(at[i], pointer + "/" + std::to_string(i), leaves);
    } else if (at.is_number() || at.is_boolean()) {
        leaves.push_back(pointer);
    }
}

// Changes one number at a time in the canonical text.
TEST(TaskTest, EveryNumberOfATaskIsPartOfItsKey) {
    for (const auto& task : one_of_each()) {
        const Json text = Json::parse(to_text(task));
        std::vector<std::string> leaves;
        collect_leaves(text, "", leaves);
        EXPECT_GT(leaves.size(), 20U);
        std::set<std::string> keys{key_of(task)};
        for (const auto& leaf : leaves) {
            Json changed = text;
            Json& value = changed[Json::json_pointer(leaf)];
            value = value.is_boolean()        ? Json(!value.get<bool>())
                    : value.is_number_float() ? Json(value.get<double>() + 0.5)
                                              : Json(value.get<int64_t>() + 1);
            EXPECT_TRUE(keys.insert(key_of(task_from_text(changed.dump()))).second)
                << label_of(task) << ": the key ignores " << leaf;
        }
    }
}

TEST(TaskTest, OtherTextsAreRefused) {
    for (const char* text : {"", "[]", "{}", R"({"kind": "poem"})", R"({"kind": "pool"})"}) {
        EXPECT_THROW(task_from_text(text), Error) << text;
    }
}

} // namespace
} // namespace dagan
