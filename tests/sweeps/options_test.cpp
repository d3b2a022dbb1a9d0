// Properties of all options: each can be set, each refuses invalid values, and each number has a
// range. A new option is covered without a change here.
#include "sweeps/limits.h"
#include "sweeps/read_fields.h"
#include "sweeps/yaml_node.h"

#include <gtest/gtest.h>

namespace dagan::sweeps {
namespace {

// Returns a value other than `current`, as a user writes it.
template <class T> std::string another(const T& current) {
    if constexpr (std::is_same_v<T, bool>) {
        return current ? "false" : "true";
    } else if constexpr (std::is_floating_point_v<T>) {
        return "0.375";
    } else if constexpr (std::is_arithmetic_v<T>) {
        return std::to_string(current + 1);
    } else if constexpr (NamedEnum<T>) {
        return current == T{} ? to_string(static_cast<T>(1)) : to_string(T{});
    } else if constexpr (std::is_same_v<T, std::array<int, 4>>) {
        return "[5, 6, 7, 8]";
    } else if constexpr (std::is_same_v<T, std::vector<int>>) {
        return "2..4";
    } else if constexpr (std::is_same_v<T, ClassRange>) {
        return "[3, 9]";
    } else {
        return "word";
    }
}

template <class T>
concept IsLeaf = !IsSection<T> && !requires(T t) {
    typename T::mapped_type;
}
&&!std::is_same_v<T, std::vector<SweepRow>>;

template <class T> void every_option_can_be_set() {
    const T defaults{};
    T::fields(defaults, [&](const char* name, const auto& current, const char*) {
        using Field = std::remove_cvref_t<decltype(current)>;
        if constexpr (IsLeaf<Field>) {
            const std::string text = another(current);
            Problems problems;
            YamlNode root{YamlNode::Kind::section, "x.yaml", {}, false, {}, {}};
            apply_override(root, std::string(name) + "=" + text, problems);
            T changed{};
            FieldReader reader(problems);
            reader.read(root, "", changed);
            // Required keys of the section are missing here; there must be no other problem.
            for (const auto& line : problems.lines())
                EXPECT_NE(line.find("missing key"), std::string::npos) << line;
            EXPECT_FALSE(changed == defaults)
                << name << ": " << text << " was accepted but changed nothing";
            T::fields(changed, [&](const char* other, const auto& value, const char*) {
                if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Field>) {
                    if (std::string(other) == name) {
                        EXPECT_FALSE(value == current) << name;
                    }
                }
            });
        }
    });
}

TEST(OptionsTest, EveryOptionCanBeSet) {
    every_option_can_be_set<GanOptions>();
    every_option_can_be_set<ClassifierOptions>();
    every_option_can_be_set<DatasetOptions>();
    every_option_can_be_set<Split>();
    every_option_can_be_set<CaseCounts>();
    every_option_can_be_set<DatasetShape>();
    every_option_can_be_set<SweepRow>();
    every_option_can_be_set<Resources>();
    every_option_can_be_set<Sweep>();
}

template <class T> void every_option_refuses_a_section() {
    const T defaults{};
    T::fields(defaults, [&](const char* name, const auto& current, const char*) {
        if constexpr (IsLeaf<std::remove_cvref_t<decltype(current)>>) {
            Problems problems;
            YamlNode root{YamlNode::Kind::section, "x.yaml", {}, false, {}, {}};
            apply_override(root, std::string(name) + "={a: 1}", problems);
            T changed{};
            FieldReader(problems).read(root, "", changed);
            ASSERT_FALSE(problems.empty()) << name;
            EXPECT_NE(problems.lines().front().find(std::string(name) + ": got a section, wanted "),
                      std::string::npos)
                << problems.lines().front();
        }
    });
}

TEST(OptionsTest, EveryOptionRefusesASectionAndNamesTheWantedType) {
    every_option_refuses_a_section<GanOptions>();
    every_option_refuses_a_section<ClassifierOptions>();
    every_option_refuses_a_section<DatasetShape>();
    every_option_refuses_a_section<Resources>();
}

template <class T> void every_default_is_within_its_range() {
    EXPECT_NO_THROW(check_limits(T{}, "", [](const std::string& at, const std::string& text) {
        ADD_FAILURE() << at << ": " << text;
    }));
}

TEST(OptionsTest, EveryNumberHasARangeThatContainsItsDefault) {
    every_default_is_within_its_range<GanOptions>();
    every_default_is_within_its_range<ClassifierOptions>();
    every_default_is_within_its_range<CaseCounts>();
    every_default_is_within_its_range<DatasetShape>();
    every_default_is_within_its_range<Resources>();
    every_default_is_within_its_range<Sweep>();
    EXPECT_THROW(limit_of<GanOptions>("no_such_option"), Error);
}

TEST(OptionsTest, ALimitIncludesTheRightEnds) {
    EXPECT_TRUE((Limit{0, 1, true}.holds(0)));
    EXPECT_FALSE((Limit{0, 1, true}.holds(1)));
    EXPECT_TRUE((Limit{1, 4}.holds(4)));
    EXPECT_FALSE((Limit{1, 4}.holds(5)));
    EXPECT_TRUE(Limit{1}.holds(kNoLimit));
    EXPECT_FALSE((Limit{0, kNoLimit, true}.holds(kNoLimit)));
    EXPECT_FALSE(Limit{0}.holds(-1));
}

} // namespace
} // namespace dagan::sweeps
