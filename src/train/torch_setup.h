// Process-wide settings of LibTorch and the allocator for programs that train: deterministic
// algorithms, a fixed number of threads, and freed memory kept in the process.
#pragma once

namespace dagan::train {

// Prepares this process and loads LibTorch's kernels, so that no task waits for it. Call once,
// before the first tensor operation. `threads`: CPU threads of an operation, 1 or more.
void set_up_torch(int threads);

} // namespace dagan::train
