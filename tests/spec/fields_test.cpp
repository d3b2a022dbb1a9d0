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

struct NoFields {
    DAGAN_FIELDS()
};
struct OneField {
    int only = 1;
    DAGAN_FIELDS(only)
};
struct TwoFields {
    int first = 1;
    std::string second = "two";
    DAGAN_FIELDS(first, second)
};
struct FortyFields {
    int f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
        f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37,
        f38, f39;
    DAGAN_FIELDS(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17,
                 f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31, f32, f33,
                 f34, f35, f36, f37, f38, f39)
};

// Returns the names that a struct lists, in order. Checks that no field has a help text.
template <class T> std::vector<std::string> listed_names(const T& value) {
    static_assert(HasFields<T>);
    std::vector<std::string> names;
    T::fields(value, [&](const char* name, const auto&, const char* help) {
        names.emplace_back(name);
        EXPECT_STREQ(help, "") << name;
    });
    return names;
}

TEST(FieldsTest, AStructListsAnyNumberOfFieldsInOrder) {
    EXPECT_TRUE(listed_names(NoFields{}).empty());
    EXPECT_EQ(listed_names(OneField{}), (std::vector<std::string>{"only"}));
    EXPECT_EQ(listed_names(TwoFields{}), (std::vector<std::string>{"first", "second"}));
    std::vector<std::string> forty;
    for (int i = 0; i < 40; ++i) forty.push_back("f" + std::to_string(i));
    EXPECT_EQ(listed_names(FortyFields{}), forty);
}

TEST(FieldsTest, AListedNameVisitsTheMemberOfThatName) {
    FortyFields value{};
    int number = 0;
    FortyFields::fields(value, [&](const char*, int& field, const char*) { field = number++; });
    EXPECT_EQ(number, 40);
    EXPECT_EQ(value.f0, 0);
    EXPECT_EQ(value.f1, 1);
    EXPECT_EQ(value.f39, 39);
}

// Options have help texts, and no struct lists a name twice.
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
