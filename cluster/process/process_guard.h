// Settings of a process that prevent orphans, and that turn a closed peer into an error code.
#pragma once

#include <sys/types.h>

namespace dagan::cluster {

// Makes the kernel send this process SIGKILL when the thread of `parent` that forked it ends. Kills
// this process at once if `parent` is already gone. Call it right after fork(). `parent`: the
// forking process's getpid(), taken before the fork. The setting survives exec. Throws
// Blame::system.
void die_with_parent(pid_t parent);

// Makes writing to a closed socket or pipe return EPIPE instead of raising SIGPIPE. Throws
// Blame::system.
void ignore_broken_pipes();

} // namespace dagan::cluster
