// A program of others, run to its end: what it printed, and how it ended. No shell is involved.
#pragma once

#include <string>
#include <vector>

namespace dagan {

struct ProgramOutput {
    int exit_code = 0; // 127: could not be started; 128 + number: ended by a signal
    std::string text;  // its standard output; what it says on standard error goes to ours
};

// `words`: the program, a path or looked up in PATH, and its arguments. `environment`: all of it, as NAME=value. Throws
// Blame::system when no process can be made.
ProgramOutput run_program(const std::vector<std::string>& words,
                          const std::vector<std::string>& environment);

// The environment of this process, as NAME=value.
std::vector<std::string> own_environment();

} // namespace dagan
