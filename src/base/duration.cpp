#include "base/duration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <regex>

namespace dagan {

std::optional<std::chrono::seconds> parse_wall_time(const std::string& text) {
    static const std::regex kForm(R"((?:(\d{1,4})-)?(\d{1,6})(?::(\d{1,6}))?(?::(\d{1,6}))?)");
    std::smatch match;
    if (!std::regex_match(text, match, kForm)) return std::nullopt;
    const auto part = [&](size_t index) {
        return match[index].matched ? std::stoll(match[index]) : 0;
    };
    const bool days = match[1].matched, second = match[3].matched, third = match[4].matched;
    // With days, the numbers are hours, minutes and seconds. Without, one number is minutes, two
    // are minutes and seconds.
    const int64_t lead = days || third ? 3600 : 60;
    const int64_t seconds = part(1) * 86400 + part(2) * lead +
                            (second ? part(3) * (lead / 60) : 0) + (third ? part(4) : 0);
    if (seconds <= 0) return std::nullopt;
    return std::chrono::seconds(seconds);
}

std::string duration_in_two_units(double seconds) {
    const auto s = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
    if (s >= 3600) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
    if (s >= 60) return fmt::format("{} min {:02} s", s / 60, s % 60);
    return fmt::format("{} s", s);
}

std::string duration_in_one_unit(int64_t ms) {
    const double seconds = static_cast<double>(ms) / 1000;
    if (seconds < 120) return fmt::format("{:.3g} s", seconds);
    if (seconds < 2 * 3600) return fmt::format("{:.3g} min", seconds / 60);
    if (seconds < 48 * 3600) return fmt::format("{:.3g} h", seconds / 3600);
    return fmt::format("{:.3g} d", seconds / 86400);
}

} // namespace dagan
