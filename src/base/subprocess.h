// Runs another program to its end, without a shell, and collects its standard output.
#pragma once

#include <string>
#include <vector>

namespace dagan {

struct ProgramOutput {
    int exit_code = 0; // 127: could not be started; 128 + N: ended by signal N
    std::string text;  // standard output; standard error is that of this process
};

// `words`: the program (a path, or a name that is looked up in PATH) and its arguments.
// `environment`: the whole environment of the program, as NAME=value.
// Throws Blame::system if no process can be created.
ProgramOutput run_program(const std::vector<std::string>& words,
                          const std::vector<std::string>& environment);

// Returns the environment of this process, as NAME=value.
std::vector<std::string> own_environment();

} // namespace dagan
