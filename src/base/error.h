// One exception class for everything a caller cannot go on from. Its blame says whose move it is and is also the
// program's exit code. What a caller expects (not found, a task that failed) is a value, not an Error.
// Messages read `place: what: why; hint`.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace dagan {

enum class Blame { bug = 1, input = 2, system = 3 };

class Error : public std::runtime_error {
  public:
    Error(Blame blame, const std::string& message) : std::runtime_error(message), blame_(blame) {}
    Blame blame() const noexcept { return blame_; }

  private:
    Blame blame_;
};

// Exit codes of every program of ours (interfaces: "Conventions").
enum class ExitCode { done = 0, bug = 1, input = 2, system = 3, some_failed = 4, stopped = 75 };

inline Error input_error(const std::string& message) { return {Blame::input, message}; }
inline Error system_error(const std::string& message) { return {Blame::system, message}; }

// Checks an invariant of our own, on in every build; throws Error with Blame::bug naming the line.
inline void require(bool holds, std::string_view invariant, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
    if (!holds) {
        throw Error(Blame::bug, std::string(file) + ":" + std::to_string(line) +
                                    ": broken invariant: " + std::string(invariant));
    }
}

// The text of an errno value, e.g. "No space left on device".
std::string errno_text(int error);

// The candidate closest to `word` by edit distance, or "" when none is near enough to be meant.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

} // namespace dagan
