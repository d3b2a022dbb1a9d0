// Plain structs and enums that describe themselves, once. A struct lists its members with
//
//     struct Person {
//         std::string name;
//         int age = 0;
//         DAGAN_FIELDS(name, age)
//     };
//
// or, if users see the fields and need a line of help for each, with a static function
//
//     template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
//         visit("name", self.name, "one line of help");
//         visit("age", self.age, "in years");
//     }
//
// From this list follow its JSON (spec/json.h), its YAML with checks (sweeps), --set, its help text
// and its binary form (launcher/protocol/messages.h). Names and order are file and wire formats,
// and part of task keys: do not change them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dagan {

namespace detail {
struct AnyVisitor {
    template <class T> void operator()(const char*, T&, const char*) const {}
};
} // namespace detail

// Structs that list their fields. T::fields(value, visit) calls visit(name, member, help) for each
// member, in order; `value` may be const.
template <class T>
concept HasFields = requires(T& value) {
    T::fields(value, detail::AnyVisitor{});
};

// DAGAN_FOR_EACH(MACRO, a, b, ...) expands to MACRO(a) MACRO(b) ..., for up to 256 arguments; with
// more it does not compile. A macro cannot expand within its own expansion, so each step ends in
// the unexpanded call DAGAN_FOR_EACH_AGAIN () (MACRO, b, ...), and DAGAN_EXPAND scans the text
// often enough (4 * 4 * 4 * 4 times) to expand them one after the other.
#define DAGAN_PARENTHESES ()
#define DAGAN_EXPAND(...) DAGAN_EXPAND4(DAGAN_EXPAND4(DAGAN_EXPAND4(DAGAN_EXPAND4(__VA_ARGS__))))
#define DAGAN_EXPAND4(...) DAGAN_EXPAND3(DAGAN_EXPAND3(DAGAN_EXPAND3(DAGAN_EXPAND3(__VA_ARGS__))))
#define DAGAN_EXPAND3(...) DAGAN_EXPAND2(DAGAN_EXPAND2(DAGAN_EXPAND2(DAGAN_EXPAND2(__VA_ARGS__))))
#define DAGAN_EXPAND2(...) DAGAN_EXPAND1(DAGAN_EXPAND1(DAGAN_EXPAND1(DAGAN_EXPAND1(__VA_ARGS__))))
#define DAGAN_EXPAND1(...) __VA_ARGS__
#define DAGAN_FOR_EACH(MACRO, ...) __VA_OPT__(DAGAN_EXPAND(DAGAN_FOR_EACH_STEP(MACRO, __VA_ARGS__)))
#define DAGAN_FOR_EACH_STEP(MACRO, FIRST, ...)                                                     \
    MACRO(FIRST) __VA_OPT__(DAGAN_FOR_EACH_AGAIN DAGAN_PARENTHESES(MACRO, __VA_ARGS__))
#define DAGAN_FOR_EACH_AGAIN() DAGAN_FOR_EACH_STEP

// Defines a struct's `fields` from the names of its members, without help texts. A member must not
// have the name of a macro: it would be listed under the macro's expansion.
#define DAGAN_VISIT_FIELD(NAME) visit(#NAME, self.NAME, "");
#define DAGAN_FIELDS(...)                                                                          \
    template <class Self, class Visit>                                                             \
    static void fields([[maybe_unused]] Self& self, [[maybe_unused]] Visit&& visit) {              \
        DAGAN_FOR_EACH(DAGAN_VISIT_FIELD, __VA_ARGS__)                                             \
    }

// Splits "a, b, c" into its names.
std::vector<std::string> split_names(std::string_view list);

// Enums whose enumerators have a spelling. Values count from 0 without gaps.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E value) {
    { enum_list(value) } -> std::convertible_to<std::string_view>;
};

// Defines `enum class Name` whose enumerators are spelled in files and messages as in the code.
#define DAGAN_ENUM(Name, ...)                                                                      \
    enum class Name { __VA_ARGS__ };                                                               \
    constexpr std::string_view enum_list(Name) { return #__VA_ARGS__; }

// Returns the spellings in the order of the enumerators.
template <NamedEnum E> const std::vector<std::string>& names_of() {
    static const std::vector<std::string> names = split_names(enum_list(E{}));
    return names;
}

template <NamedEnum E> std::string to_string(E value) {
    return names_of<E>().at(static_cast<size_t>(value));
}

// Returns the enumerator spelled `text`; nullopt if there is none.
template <NamedEnum E> std::optional<E> enum_from(std::string_view text) {
    const auto& names = names_of<E>();
    for (size_t i = 0; i < names.size(); ++i) {
        if (names[i] == text) return static_cast<E>(i);
    }
    return std::nullopt;
}

} // namespace dagan
