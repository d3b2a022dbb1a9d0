// The stop request: SIGUSR1, SIGUSR2, SIGTERM and SIGINT set a flag. Loops check it between steps.
#pragma once

namespace dagan {

// Installs the handlers. They do not restart system calls, so a wait ends when a signal arrives.
void catch_stop_signals();
// Returns true once one of the signals has arrived.
bool stop_signalled();

} // namespace dagan
