// The one exception class of this project, for everything a caller cannot recover from. Its Blame
// tells who must act, and is also the program's exit code (docs/reference/exit-codes.md).
// A result that a caller expects (not found, a failed task) is a value, not an Error.
// Messages have the form `place: what: why; hint`.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace dagan {

enum class Blame {
    bug = 1,    // this program is wrong
    input = 2,  // the user's input is wrong
    system = 3, // the machine or its environment failed: disk, network, MPI, server
};

class Error : public std::runtime_error {
  public:
    Error(Blame blame, const std::string& message) : std::runtime_error(message), blame_(blame) {}
    Blame blame() const noexcept { return blame_; }

  private:
    Blame blame_;
};

// Exit codes of every program of this project.
enum class ExitCode { done = 0, bug = 1, input = 2, system = 3, some_failed = 4, stopped = 75 };

inline Error input_error(const std::string& message) { return {Blame::input, message}; }
inline Error system_error(const std::string& message) { return {Blame::system, message}; }

// Checks an invariant of this program, in every build. If it does not hold, throws Blame::bug with
// the caller's file and line. `invariant` states what must hold: "a task has a key".
inline void require(bool holds, std::string_view invariant, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
    if (!holds) {
        throw Error(Blame::bug, std::string(file) + ":" + std::to_string(line) +
                                    ": broken invariant: " + std::string(invariant));
    }
}

// Returns the text of an errno value, e.g. "No space left on device".
std::string errno_text(int error);

// Returns the candidate with the smallest edit distance to `word`, the first of equals; "" if the
// distance of each exceeds max(2, length of `word` / 3).
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

} // namespace dagan
