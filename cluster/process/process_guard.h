// What a process of ours asks of the kernel so that no orphans stay and a vanished peer is an error code, not a signal.
#pragma once

#include <sys/types.h>

namespace dagan::cluster {

// This process gets SIGKILL when the thread of `parent` that forked it ends; it kills itself at once when `parent` is already
// gone. Call it right after fork(); `parent` is the forking process's getpid(), taken before the fork. Survives exec.
void die_with_parent(pid_t parent);

// Writing to a closed socket or pipe returns EPIPE instead of ending the process.
void ignore_broken_pipes();

} // namespace dagan::cluster
