// The program's log: one line per event with time and level, to a file of this process's rank or to stderr. One logger per
// process, set up by main; a thin front over spdlog.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace dagan {

enum class LogLevel { info, warning, error };

// Appends to `path` from now on, each line marked with `who` ("agent", "trainer 4711"). Lines are written at once, or, warnings
// and errors aside, when flush_log() says so. Throws Blame::system when it cannot be opened.
enum class LogFlush { every_line, when_told };
void log_to_file(const std::filesystem::path& path, std::string_view who,
                 LogFlush flush = LogFlush::every_line);
void flush_log();

void log_line(LogLevel level, std::string_view text);

// While one lives nothing is logged.
class SilentLog {
  public:
    SilentLog();
    ~SilentLog();
    SilentLog(const SilentLog&) = delete;
    SilentLog& operator=(const SilentLog&) = delete;

  private:
    int level_before_;
};

template <class... Args> void log_info(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args> void log_warning(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args> void log_error(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace dagan
