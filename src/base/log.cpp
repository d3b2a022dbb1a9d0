#include "base/log.h"

#include "base/error.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace dagan {

void log_to_file(const std::filesystem::path& path, std::string_view who, LogFlush flush) {
    try {
        auto logger = std::make_shared<spdlog::logger>(
            std::string(who), std::make_shared<spdlog::sinks::basic_file_sink_st>(path.string()));
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %L %n: %v");
        logger->flush_on(flush == LogFlush::every_line ? spdlog::level::info : spdlog::level::warn);
        spdlog::set_default_logger(std::move(logger));
    } catch (const spdlog::spdlog_ex& error) {
        throw system_error(path.string() + ": cannot be opened as a log: " + error.what());
    }
}

void flush_log() { spdlog::default_logger_raw()->flush(); }

SilentLog::SilentLog() : previous_level_(spdlog::get_level()) {
    spdlog::set_level(spdlog::level::off);
}
SilentLog::~SilentLog() {
    spdlog::set_level(static_cast<spdlog::level::level_enum>(previous_level_));
}

void log_line(LogLevel level, std::string_view text) {
    switch (level) {
    case LogLevel::info: spdlog::info("{}", text); break;
    case LogLevel::warning: spdlog::warn("{}", text); break;
    case LogLevel::error: spdlog::error("{}", text); break;
    }
}

} // namespace dagan
