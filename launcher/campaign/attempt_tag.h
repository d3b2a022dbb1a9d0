// The tag of log lines about an attempt, by which `dagan logs` finds them. Every line that concerns
// one attempt contains it in square brackets:
//     classifier omniglot n=5 m=3 seed=0: starts on rank 2 [task=KEY attempt=17]
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace dagan::launcher {

// Returns the tag of every attempt of `task` (a key) without the attempt's number.
inline std::string task_tag(const std::string& task) {
    return fmt::format("[task={} attempt=", task);
}
inline std::string attempt_tag(const std::string& task, int64_t attempt) {
    return fmt::format("{}{}]", task_tag(task), attempt);
}

} // namespace dagan::launcher
