// The log of a process: one line per event with time and level. A thin front end of spdlog with
// one logger per process. Until log_to_file() is called, lines go to spdlog's default logger.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace dagan {

enum class LogLevel { info, warning, error };

// When lines reach the file: after every line, or at flush_log(). Warnings and errors are always
// written at once.
enum class LogFlush { every_line, when_told };

// Appends all following lines to `path`. Each names `who` wrote it: "agent", "trainer 4711".
// Throws Blame::system if the file cannot be opened.
void log_to_file(const std::filesystem::path& path, std::string_view who,
                 LogFlush flush = LogFlush::every_line);
void flush_log();

void log_line(LogLevel level, std::string_view text);

// Suppresses all logging during its lifetime.
class SilentLog {
  public:
    SilentLog();
    ~SilentLog();
    SilentLog(const SilentLog&) = delete;
    SilentLog& operator=(const SilentLog&) = delete;

  private:
    int previous_level_;
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
