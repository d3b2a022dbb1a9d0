#include "spec/fields.h"

#include "spec/result.h"
#include "spec/sweep.h"
#include "spec/task.h"

#include <gtest/gtest.h>

#include <set>

namespace dagan {
namespace {

DAGAN_ENUM(Fruit, apple, pear, plum)

TEST(FieldsTest, EnumeratorsAreSpelledAsInTheCode) {
    EXPECT_EQ(to_string(Fruit::apple), "apple");
    EXPECT_EQ(to_string(Fruit::plum), "plum");
    EXPECT_EQ(enum_from<Fruit>("pear"), Fruit::pear);
    EXPECT_EQ(enum_from<Fruit>("Pear"), std::nullopt);
    EXPECT_EQ(enum_from<Fruit>("app"), std::nullopt);
    EXPECT_EQ(enum_from<Fruit>(""), std::nullopt);
}

TEST(FieldsTest, NamesAreSplitAtCommas) {
    EXPECT_EQ(split_names("a, b,c"), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_TRUE(split_names("").empty());
}

// What people set has help, and no struct lists a name twice.
template <class T> void check_listing(bool wants_help) {
    T value{};
    std::set<std::string> names;
    T::fields(value, [&](const char* name, auto&, const char* help) {
        EXPECT_TRUE(names.insert(name).second) << name << " is listed twice";
        if (wants_help) {
            EXPECT_STRNE(help, "") << name;
        }
    });
    EXPECT_FALSE(names.empty());
}

TEST(FieldsTest, EveryOptionHasAHelpTextAndIsListedOnce) {
    check_listing<Sweep>(true);
    check_listing<GanOptions>(true);
    check_listing<ClassifierOptions>(true);
    check_listing<DatasetOptions>(true);
    check_listing<Split>(true);
    check_listing<CaseCounts>(true);
    check_listing<DatasetShape>(true);
    check_listing<SweepRow>(true);
    check_listing<Resources>(true);
    check_listing<SelectorTask>(false);
    check_listing<GanTask>(false);
    check_listing<PoolTask>(false);
    check_listing<ClassifierTask>(false);
    check_listing<TaskResult>(false);
}

} // namespace
} // namespace dagan
