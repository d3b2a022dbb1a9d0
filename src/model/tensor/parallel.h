// Parallel loops on the OpenMP threads that LibTorch's operations use, at::get_num_threads() of
// them. A second pool would compete for the cores.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace dagan::model {

// Divides [0, count) into equal ranges, one per thread, and calls work(begin, end) for each. Ranges
// have at least `min_chunk` elements, unless there is only one. Returns when all calls have
// returned. Inside a parallel region the caller runs the whole range. `work` must not throw.
void parallel_for(int64_t count, int64_t min_chunk,
                  const std::function<void(int64_t begin, int64_t end)>& work);

// One of several loops that run without a barrier between them.
struct ParallelLoop {
    int64_t count = 0;
    std::function<void(int64_t begin, int64_t end)> work;
};
// Each thread runs its range of every loop, in the order of `loops`.
void parallel_for(const std::vector<ParallelLoop>& loops);

// Returns the number of the calling thread within parallel_for, [0, at::get_num_threads()).
int parallel_thread();

} // namespace dagan::model
