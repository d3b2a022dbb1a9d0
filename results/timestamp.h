// The time in UTC to the millisecond, ISO 8601. Internal to results.
#pragma once

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <string>

namespace dagan {

// Made anew only when the time has changed: thousands of attempts may start in one millisecond.
class Timestamp {
  public:
    const std::string& now() {
        const auto time = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
        if (time != time_) {
            time_ = time;
            text_ = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                                time.time_since_epoch().count() % 1000);
        }
        return text_;
    }

  private:
    std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds> time_;
    std::string text_;
};

} // namespace dagan
