// The deadline of an allocation: when it ends, in seconds since 1970.
//
// A job stops itself, with checkpoints, shortly before. It does not rely on a warning signal from
// Slurm, which may not be configured or may go to a batch script that does not forward it.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>
#include <optional>

namespace dagan::launcher {

// Time for a training step, for writing a checkpoint and for ending all processes.
inline constexpr std::chrono::seconds kStopBound{30};

// Returns whether it is time to stop; false without a deadline.
inline bool is_near(const std::optional<int64_t>& deadline_s) {
    return deadline_s && *deadline_s - std::time(nullptr) <= kStopBound.count();
}

// Returns the seconds until it is time to stop; infinite without a deadline.
inline double seconds_until_stop(const std::optional<int64_t>& deadline_s) {
    if (!deadline_s) return std::numeric_limits<double>::infinity();
    return static_cast<double>(*deadline_s - std::time(nullptr) - kStopBound.count());
}

} // namespace dagan::launcher
