// Durations as text: the wall times that Slurm accepts, and two ways to print a duration for
// people.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace dagan {

// Reads a wall time as Slurm does: "90" (minutes), "90:00", "01:30:00", "1-12" (days and hours),
// "1-12:30", "1-12:30:00". Returns nullopt for any other text and for zero.
std::optional<std::chrono::seconds> parse_wall_time(const std::string& text);

// Prints a duration in its two largest units, rounded to whole seconds: "2 h 05 min", "4 min 10 s",
// "12 s". Used where progress is shown. Negative durations count as zero.
std::string duration_in_two_units(double seconds);

// Prints a duration in one unit with three significant digits: "85 s", "12.5 min", "3.2 h", "4 d".
// Used in reports and along axes.
std::string duration_in_one_unit(int64_t ms);

} // namespace dagan
