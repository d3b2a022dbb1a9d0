// How many threads the trainers of a machine may have. OpenMP threads that wait for a core spin, so
// more threads than cores slow a trainer down about tenfold.
#pragma once

#include <optional>
#include <string>

namespace dagan::cluster {

// Returns the number of threads of one trainer if none is given: its share of the cores, at least
// 1.
int default_threads(int cores, int trainers);

// Returns why `trainers` trainers of `threads_per_trainer` threads do not fit on `cores` cores,
// with a fix; nullopt if they fit.
std::optional<std::string> crowding_problem(int trainers, int threads_per_trainer, int cores);

} // namespace dagan::cluster
