#include "model/tensor/parallel.h"

#include <omp.h>

#include <algorithm>

namespace dagan::model {

void parallel_for(int64_t count, int64_t min_chunk,
                  const std::function<void(int64_t begin, int64_t end)>& work) {
    if (count <= 0) return;
    const int64_t threads = omp_in_parallel()
                                ? 1
                                : std::clamp<int64_t>(count / std::max<int64_t>(min_chunk, 1), 1,
                                                      omp_get_max_threads());
    if (threads == 1) return work(0, count);
        // No num_threads clause: OpenMP would create a new team whenever the size differs from
        // LibTorch's.
#pragma omp parallel
    {
        const int64_t parts = std::min<int64_t>(threads, omp_get_num_threads());
        const int64_t part = omp_get_thread_num();
        if (part < parts) work(part * count / parts, (part + 1) * count / parts);
    }
}

void parallel_for(const std::vector<ParallelLoop>& loops) {
    const int64_t threads = omp_get_max_threads();
    parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
        for (const ParallelLoop& loop : loops) {
            const int64_t first = loop.count * begin / threads, last = loop.count * end / threads;
            if (first < last) loop.work(first, last);
        }
    });
}

int parallel_thread() { return omp_get_thread_num(); }

} // namespace dagan::model
