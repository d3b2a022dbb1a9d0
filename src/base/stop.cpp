#include "base/stop.h"

#include <csignal>
#include <initializer_list>

namespace dagan {

namespace {
// Global, because a signal handler has no other state.
volatile std::sig_atomic_t stop_flag = 0;
void on_stop_signal(int) { stop_flag = 1; }
} // namespace

void catch_stop_signals() {
    struct sigaction action {};
    action.sa_handler = on_stop_signal; // without SA_RESTART: waits end, and loops see the flag
    for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT})
        ::sigaction(signal, &action, nullptr);
}

bool stop_signalled() { return stop_flag != 0; }

} // namespace dagan
