// Times as the database stores them: ISO 8601, UTC, to the millisecond. Internal to results.
#pragma once

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>

namespace dagan::results {

// The present time as text. The text is formatted only when the millisecond has changed, since
// thousands of attempts may start within one.
class Timestamp {
  public:
    // The reference is valid until the next call.
    const std::string& now() {
        const auto time = std::chrono::time_point_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now());
        if (time != time_) {
            time_ = time;
            text_ = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                                fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                                time.time_since_epoch().count() % 1000);
        }
        return text_;
    }

  private:
    std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds> time_;
    std::string text_;
};

// Returns such a time in milliseconds since 1970; 0 if the text is not one.
inline int64_t milliseconds_of(const std::string& time) {
    std::tm parts{};
    int milliseconds = 0;
    const int found =
        std::sscanf(time.c_str(), "%d-%d-%dT%d:%d:%d.%3d", &parts.tm_year, &parts.tm_mon,
                    &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &milliseconds);
    if (found < 6) return 0;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return static_cast<int64_t>(::timegm(&parts)) * 1000 + milliseconds;
}

} // namespace dagan::results
