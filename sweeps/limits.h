// The numeric range of every option, in one table. A number without an entry throws Blame::bug, so
// that no option is forgotten (tests/sweeps/options_test.cpp checks all).
#pragma once

#include "base/error.h"
#include "spec/sweep.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

namespace dagan::sweeps {

// Optimiser steps of a network. Adam counts them in float32 (src/train/tensors/adam.cpp), which is
// exact up to this number.
inline constexpr int64_t kMaxOptimiserSteps = int64_t{1} << 24;

struct Limit {
    double least = 1;
    double most = kNoLimit;
    bool below_most = false; // `most` itself is excluded

    bool holds(double value) const {
        return value >= least && value <= most && !(below_most && value == most);
    }
    // Returns the range in words.
    std::string wanted() const {
        if (most == kNoLimit)
            return fmt::format("{} or more{}", least, below_most ? ", but finite" : "");
        return fmt::format("{} or more and {} {}", least, below_most ? "below" : "at most", most);
    }
};

// Returns the limit of the field `key` of a struct. Throws Blame::bug if the table does not have
// it.
template <class T> Limit limit_of(const std::string& key);
template <> Limit limit_of<GanOptions>(const std::string& key);
template <> Limit limit_of<ClassifierOptions>(const std::string& key);
template <> Limit limit_of<CaseCounts>(const std::string& key);
template <> Limit limit_of<DatasetShape>(const std::string& key);
template <> Limit limit_of<SweepRow>(const std::string& key);
template <> Limit limit_of<Resources>(const std::string& key);
template <> Limit limit_of<Sweep>(const std::string& key);

// Calls report(path, text) for every number among the fields of `value` that is out of range.
// Fields that are sections themselves are not checked. `path` is that of `value`.
template <class T>
void check_limits(const T& value, const std::string& path,
                  const std::function<void(const std::string&, const std::string&)>& report) {
    T::fields(value, [&](const char* name, const auto& field, const char*) {
        const std::string at = path.empty() ? name : path + "." + name;
        const auto check = [&](auto number) {
            const Limit limit = limit_of<T>(name);
            if (!limit.holds(static_cast<double>(number))) {
                report(at, fmt::format("{} is out of range; wanted {}", number, limit.wanted()));
            }
        };
        using Field = std::remove_cvref_t<decltype(field)>;
        if constexpr (std::is_same_v<Field, bool>) {
            return;
        } else if constexpr (std::is_arithmetic_v<Field>) {
            check(field);
        } else if constexpr (std::is_same_v<Field, std::vector<int>> ||
                             std::is_same_v<Field, std::array<int, 4>>) {
            for (const int number : field) check(number);
        }
    });
}

} // namespace dagan::sweeps
