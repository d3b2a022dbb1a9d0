// How plain structs and enums describe themselves, once. A struct lists its fields in one static function
//     template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
//         visit("name", self.name, "one line of help");
//     }
// and from this list follow its JSON (spec/json.h), its YAML with checks (sweeps), --set, and its help text.
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

template <class T>
concept HasFields = requires(T& value) {
    T::fields(value, detail::AnyVisitor{});
};

// The names in "a, b, c".
std::vector<std::string> split_names(std::string_view list);

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E value) {
    { enum_list(value) } -> std::convertible_to<std::string_view>;
};

// Defines `enum class Name` whose enumerators are spelled in files and messages as in the code.
#define DAGAN_ENUM(Name, ...)                                                                                                    \
    enum class Name { __VA_ARGS__ };                                                                                             \
    constexpr std::string_view enum_list(Name) { return #__VA_ARGS__; }

template <NamedEnum E> const std::vector<std::string>& names_of() {
    static const std::vector<std::string> names = split_names(enum_list(E{}));
    return names;
}

template <NamedEnum E> std::string to_string(E value) { return names_of<E>().at(static_cast<size_t>(value)); }

// The enumerator spelled `text`, or nothing.
template <NamedEnum E> std::optional<E> enum_from(std::string_view text) {
    const auto& names = names_of<E>();
    for (size_t i = 0; i < names.size(); ++i) {
        if (names[i] == text) return static_cast<E>(i);
    }
    return std::nullopt;
}

} // namespace dagan
