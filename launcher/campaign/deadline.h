// The end of an allocation, in seconds since 1970, as Slurm has it. A job stops by itself, with checkpoints, when that is near:
// Slurm's own warning may be missing, or come to a script that another one wrote.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>
#include <optional>

namespace dagan::launcher {

// A step, the writing of a checkpoint, and the way out.
inline constexpr std::chrono::seconds kStopBound{30};

inline bool is_near(const std::optional<int64_t>& deadline_s) {
    return deadline_s && *deadline_s - std::time(nullptr) <= kStopBound.count();
}

// Until a stop will be asked for; infinite without a deadline.
inline double seconds_until_stop(const std::optional<int64_t>& deadline_s) {
    if (!deadline_s) return std::numeric_limits<double>::infinity();
    return static_cast<double>(*deadline_s - std::time(nullptr) - kStopBound.count());
}

} // namespace dagan::launcher
