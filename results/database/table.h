// The answer to a query as a table of values, and conversions of those values to plain types.
//
// The conversions never throw: a NULL, or a value of another type, yields the stated default.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace dagan::results {

// One value of a row; std::monostate stands for NULL.
using Value = std::variant<std::monostate, int64_t, double, std::string>;

// The answer to a query: each row has one value per column.
struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<Value>> rows;
};

inline bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value); }

// Returns the text; "" if the value is not text.
inline std::string as_text(const Value& value) {
    const auto* found = std::get_if<std::string>(&value);
    return found ? *found : "";
}

// Returns the integer; 0 if the value is not an integer.
inline int64_t as_integer(const Value& value) {
    const auto* found = std::get_if<int64_t>(&value);
    return found ? *found : 0;
}

inline int as_int(const Value& value) { return static_cast<int>(as_integer(value)); }

// Returns the integer or real number; `otherwise` (NaN by default) if the value is not a number.
inline double as_number(const Value& value, double otherwise = std::nan("")) {
    if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
    const auto* found = std::get_if<double>(&value);
    return found ? *found : otherwise;
}

} // namespace dagan::results
