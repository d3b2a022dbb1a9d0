#include "train/torch_setup.h"

#include <torch/torch.h>

#include <malloc.h>

#include <limits>

namespace dagan::train {

namespace {
// Every step allocates again what the step before freed. Pages that were returned to the system
// would have to be cleared each time.
void keep_freed_memory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}
} // namespace

void set_up_torch(int threads) {
    keep_freed_memory();
    at::set_num_threads(threads);
    at::set_num_interop_threads(1);
    at::globalContext().setDeterministicAlgorithms(true, false);
    // Filling would write all new memory twice, and no operation reads memory before it is written.
    at::globalContext().setDeterministicFillUninitializedMemory(false);
    // The first operation loads and initialises the kernels.
    torch::conv2d(torch::ones({1, 1, 4, 4}), torch::ones({1, 1, 3, 3}));
}

} // namespace dagan::train
