#include "model/tensor/parallel.h"

#include <omp.h>

#include <algorithm>

namespace dagan::model {

void in_parallel(int64_t count, int64_t least,
                 const std::function<void(int64_t begin, int64_t end)>& work) {
    if (count <= 0) return;
    const int64_t threads =
        omp_in_parallel()
            ? 1
            : std::clamp<int64_t>(count / std::max<int64_t>(least, 1), 1, omp_get_max_threads());
    if (threads == 1) return work(0, count);
        // No num_threads clause: a team of another size than LibTorch's would be made anew each time.
#pragma omp parallel
    {
        const int64_t parts = std::min<int64_t>(threads, omp_get_num_threads());
        const int64_t part = omp_get_thread_num();
        if (part < parts) work(part * count / parts, (part + 1) * count / parts);
    }
}

void in_parallel(const std::vector<Share>& shares) {
    const int64_t threads = omp_get_max_threads();
    in_parallel(threads, 1, [&](int64_t begin, int64_t end) {
        for (const Share& share : shares) {
            const int64_t first = share.count * begin / threads, last = share.count * end / threads;
            if (first < last) share.work(first, last);
        }
    });
}

int thread_in_parallel() { return omp_get_thread_num(); }

} // namespace dagan::model
