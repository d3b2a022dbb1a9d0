#include "base/subprocess.h"

#include "base/descriptor.h"
#include "base/error.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace dagan {

namespace {
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t got = ::read(fd, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return text;
        text.append(part.data(), static_cast<size_t>(got));
    }
}
} // namespace

std::vector<std::string> own_environment() {
    std::vector<std::string> settings;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        settings.emplace_back(*entry);
    return settings;
}

ProgramOutput run_program(const std::vector<std::string>& words,
                          const std::vector<std::string>& environment) {
    const std::vector<char*> argv = pointers_to(words), settings = pointers_to(environment);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw system_error(words.front() + ": cannot be started: " + errno_text(errno));
    const Descriptor read_end(ends[0]);
    Descriptor write_end(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) throw system_error(words.front() + ": cannot be started: " + errno_text(errno));
    if (child == 0) {
        ::dup2(write_end.get(), STDOUT_FILENO);
        ::execvpe(argv[0], argv.data(), settings.data());
        ::_exit(127);
    }
    write_end.close();
    ProgramOutput output;
    output.text = read_all(read_end.get());
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

} // namespace dagan
