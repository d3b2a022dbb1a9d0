// The stop request: USR1, USR2, TERM and INT set a flag and nothing else; loops look at it between steps.
#pragma once

namespace dagan {

void catch_stop_signals();
bool stop_signalled();

} // namespace dagan
