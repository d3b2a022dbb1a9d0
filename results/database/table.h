// The answer to a query, and its values as plain types: what is NULL becomes empty, 0, or not a number.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace dagan::results {

// The answer to any query: one value for each column in each row; nothing stands for NULL.
using Value = std::variant<std::monostate, int64_t, double, std::string>;
struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<Value>> rows;
};

inline bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value); }

inline std::string as_text(const Value& value) {
    const auto* found = std::get_if<std::string>(&value);
    return found ? *found : "";
}

inline int64_t as_integer(const Value& value) {
    const auto* found = std::get_if<int64_t>(&value);
    return found ? *found : 0;
}

inline int as_int(const Value& value) { return static_cast<int>(as_integer(value)); }

inline double as_number(const Value& value) {
    if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
    const auto* found = std::get_if<double>(&value);
    return found ? *found : std::nan("");
}

} // namespace dagan::results
