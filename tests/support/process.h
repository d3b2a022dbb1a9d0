// For end-to-end tests: runs programs as a user does (start, wait, kill, read the output), and
// finds the processes of a campaign by its directory on their command lines.
#pragma once

#include "base/error.h"
#include "cluster/process/process_guard.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace dagan {

struct Finished {
    int exit_code = -1; // -1: ended by a signal
    int signal = 0;
    std::string out, err;

    std::string text() const {
        return "exit code " + std::to_string(exit_code) + ", signal " + std::to_string(signal) +
               "\n" + out + err;
    }
};

class Process {
  public:
    struct Setting {
        std::filesystem::path folder;         // working directory; "": that of this process
        std::vector<std::string> environment; // NAME=value, in addition to this process's
    };

    // Starts argv[0], a path or a name that is looked up in PATH. It dies with this process.
    explicit Process(std::vector<std::string> argv, const Setting& setting = {})
        : out_(memory_file("stdout")), err_(memory_file("stderr")) {
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ < 0) throw system_error("fork: " + errno_text(errno));
        if (pid_ == 0) exec(argv, setting, parent);
    }
    ~Process() {
        if (running()) {
            kill(SIGKILL);
            wait();
        }
        ::close(out_);
        ::close(err_);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const { return pid_; }
    bool running() {
        if (!ended_ && ::waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
        return !ended_;
    }
    void kill(int signal) {
        if (running()) ::kill(pid_, signal);
    }
    // Waits for the end. Kills the program after `limit`.
    Finished wait(std::chrono::seconds limit = std::chrono::seconds(180)) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (running()) {
            if (std::chrono::steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -1,
                WIFSIGNALED(status_) ? WTERMSIG(status_) : 0, contents(out_), contents(err_)};
    }

  private:
    static int memory_file(const char* name) {
        const int fd = ::memfd_create(name, MFD_CLOEXEC);
        if (fd < 0) throw system_error("memfd_create: " + errno_text(errno));
        return fd;
    }
    [[noreturn]] void exec(std::vector<std::string>& argv, const Setting& setting,
                           pid_t parent) const {
        cluster::die_with_parent(parent);
        ::dup2(out_, STDOUT_FILENO);
        ::dup2(err_, STDERR_FILENO);
        ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
        if (!setting.folder.empty() && ::chdir(setting.folder.c_str()) != 0) ::_exit(126);
        for (const std::string& variable : setting.environment)
            ::putenv(const_cast<char*>(variable.c_str()));
        std::vector<char*> words;
        for (std::string& word : argv) words.push_back(word.data());
        words.push_back(nullptr);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }
    static std::string contents(int fd) {
        std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
        const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
        text.resize(got < 0 ? 0 : static_cast<size_t>(got));
        return text;
    }

    int out_, err_;
    pid_t pid_ = 0;
    int status_ = 0;
    bool ended_ = false;
};

inline Finished run_program(const std::vector<std::string>& argv,
                            const Process::Setting& setting = {}) {
    return Process(argv, setting).wait();
}

// Returns the processes that have `folder` (absolute) as an argument, of one program or of all.
// Zombies have no command line and are not included.
inline std::vector<pid_t> processes_of(const std::filesystem::path& folder,
                                       const std::string& program = "") {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (!std::all_of(name.begin(), name.end(), [](char c) { return '0' <= c && c <= '9'; }))
            continue;
        std::ifstream file(entry.path() / "cmdline");
        std::vector<std::string> words;
        for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
        if (std::find(words.begin(), words.end(), folder.string()) == words.end()) continue;
        const bool wanted =
            program.empty() || std::filesystem::path(words.front()).filename() == program;
        if (wanted && std::stoi(name) != ::getpid()) found.push_back(std::stoi(name));
    }
    std::sort(found.begin(), found.end());
    return found;
}

// Returns the user time in clock ticks; 0 if the process does not exist.
inline long user_ticks_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat;
    std::getline(file, stat);
    std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
    std::string field;
    for (int i = 0; i < 12; ++i) fields >> field;
    return field.empty() ? 0 : std::stol(field);
}

// Returns the parent's pid; 0 if the process does not exist.
inline pid_t parent_of(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("PPid:")) return std::stoi(line.substr(5));
    }
    return 0;
}

} // namespace dagan
