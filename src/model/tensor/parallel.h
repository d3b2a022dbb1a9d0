// Loops of ours on the threads that LibTorch's operations run on: one pool, of at::get_num_threads() threads, as a second would
// fight it for the cores.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace dagan::model {

// Calls work(begin, end) for equal parts of [0, count), a part for each thread, none (but the only one) smaller than `least`;
// returns when all are done. Within a parallel region it is one call. `work` must not throw.
void in_parallel(int64_t count, int64_t least,
                 const std::function<void(int64_t begin, int64_t end)>& work);

// Works of which each thread does its part of every one, with no wait between them.
struct Share {
    int64_t count = 0;
    std::function<void(int64_t begin, int64_t end)> work;
};
void in_parallel(const std::vector<Share>& shares);

// The calling thread's number within in_parallel, [0, at::get_num_threads()).
int thread_in_parallel();

} // namespace dagan::model
