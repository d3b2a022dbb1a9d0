#include "cluster/process/process_guard.h"

#include "base/error.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace dagan::cluster {

void die_with_parent(pid_t parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        throw system_error("process: cannot be tied to its parent: " + errno_text(errno));
    }
    if (::getppid() != parent) ::raise(SIGKILL); // it ended before prctl(): no signal will arrive
}

void ignore_broken_pipes() {
    if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        throw system_error("process: SIGPIPE cannot be ignored: " + errno_text(errno));
}

} // namespace dagan::cluster
