// The process of a Spawner: single-threaded, so it may fork. Waits for requests and for the end of
// its children.
#include "cluster/process/spawner.h"

#include "base/error.h"
#include "cluster/process/process_guard.h"
#include "cluster/process/spawner_protocol.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

namespace dagan::cluster {

namespace {

// A trainer is asked to stop by a message. A signal to the whole job must not end it before it has
// written its checkpoint.
constexpr std::array kIgnoredSignals{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

struct Request {
    SpawnerRequest head;
    std::vector<std::string> argv, environment;
    std::vector<Descriptor> fds;
};

struct Child {
    pid_t pid = 0;
    Descriptor start_error; // read end of a pipe: the errno if exec failed, else empty
};

std::vector<Descriptor> passed_descriptors(msghdr& message) {
    std::vector<Descriptor> fds;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
    return fds;
}

Request parse(const std::string& bytes, std::vector<Descriptor> fds) {
    Request request;
    require(bytes.size() >= sizeof request.head, "a request to the spawner is whole");
    std::memcpy(&request.head, bytes.data(), sizeof request.head);
    request.fds = std::move(fds);
    size_t begin = sizeof request.head;
    while (begin < bytes.size()) {
        const size_t end = bytes.find('\0', begin);
        require(end != std::string::npos, "strings in a request end with NUL");
        auto& list = request.argv.size() < static_cast<size_t>(request.head.arguments)
                         ? request.argv
                         : request.environment;
        list.push_back(bytes.substr(begin, end - begin));
        begin = end + 1;
    }
    return request;
}

// --- in the child, between fork and exec ---

int checked(int result) {
    if (result < 0) throw errno;
    return result;
}

void set_signals() {
    for (const int number : kIgnoredSignals) ::signal(number, SIG_IGN);
    ::signal(SIGCHLD, SIG_DFL);
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Sets up the descriptors 0 to 4 and closes all others, except `report`, which gets a new number
// and is closed by exec.
void set_descriptors(const Request& request, int& report) {
    constexpr int kReportFd = kTrainerMemoryFd + 1;
    // All are first moved to high numbers: a source may have the number of another's target.
    constexpr int kHigh = kReportFd + 1;
    const int socket = checked(::fcntl(request.fds[0].get(), F_DUPFD_CLOEXEC, kHigh));
    const int memory = checked(::fcntl(request.fds[1].get(), F_DUPFD_CLOEXEC, kHigh));
    const int high_report = checked(::fcntl(report, F_DUPFD_CLOEXEC, kHigh));
    report = high_report;
    const int null = checked(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    checked(::dup2(null, STDIN_FILENO));
    checked(::dup2(socket, kTrainerSocketFd));
    checked(::dup2(memory, kTrainerMemoryFd));
    report = checked(::dup3(high_report, kReportFd, O_CLOEXEC));
    checked(::close_range(kHigh, ~0U, 0));
}

[[noreturn]] void exec_trainer(const Request& request, pid_t spawner, int report) {
    try {
        die_with_parent(spawner);
        checked(::setsid()); // out of reach of a terminal's Ctrl-C
        set_signals();
        set_descriptors(request, report);
        for (const std::string& setting : request.environment)
            checked(::putenv(const_cast<char*>(setting.c_str())));
        std::vector<char*> argv;
        for (const std::string& argument : request.argv)
            argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        checked(::execv(argv[0], argv.data()));
    } catch (int error) {
        [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
    } catch (...) { // reported by the exit code
    }
    ::_exit(127);
}

// --- in the spawner ---

class SpawnerProcess {
  public:
    explicit SpawnerProcess(Descriptor socket) : socket_(std::move(socket)) {
        checked_system(::setsid(), "session");
        for (const int number : kIgnoredSignals) ::signal(number, SIG_IGN);
        ::signal(SIGCHLD, SIG_DFL); // if it were ignored, exit statuses would be lost
        sigset_t exits;
        sigemptyset(&exits);
        sigaddset(&exits, SIGCHLD);
        checked_system(::sigprocmask(SIG_SETMASK, &exits, nullptr), "signal mask");
        close_all_but_socket();
        exits_ = Descriptor(::signalfd(-1, &exits, SFD_CLOEXEC | SFD_NONBLOCK));
        checked_system(exits_.get(), "signalfd");
    }

    void run() {
        while (wait()) {
            // One signal may stand for several children, so all are read before children are
            // reaped.
            signalfd_siginfo ignored{};
            while (::read(exits_.get(), &ignored, sizeof ignored) > 0) {
            }
            reap();
            send_replies();
        }
        kill_children();
    }

  private:
    static void checked_system(int result, const char* what) {
        if (result < 0)
            throw system_error(std::string("spawner: ") + what + ": " + errno_text(errno));
    }

    // The parent's open files (sockets of the MPI runtime, log files) must not stay open here.
    void close_all_but_socket() {
        const auto keep = static_cast<unsigned>(socket_.get());
        if (keep > 3) checked_system(::close_range(3, keep - 1, 0), "closing inherited files");
        checked_system(::close_range(keep + 1, ~0U, 0), "closing inherited files");
    }

    // Waits for an event and serves at most one request. Returns false if the parent has closed its
    // end.
    bool wait() {
        std::array<pollfd, 2> waits{{{socket_.get(), POLLIN, 0}, {exits_.get(), POLLIN, 0}}};
        if (!replies_.empty()) waits[0].events |= POLLOUT;
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
            checked_system(-1, "waiting");
        return (waits[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0 || serve_request();
    }

    bool serve_request() {
        bytes_.resize(1 << 18);
        iovec part{bytes_.data(), bytes_.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
        if (got <= 0) return false;
        bytes_.resize(static_cast<size_t>(got));
        const Request request = parse(bytes_, passed_descriptors(message));
        if (request.head.kind == SpawnerRequest::Kind::start) {
            start(request);
        } else if (const auto child = children_.find(request.head.id); child != children_.end()) {
            // The child is not reaped yet, so the pid is still its own.
            ::kill(child->second.pid, request.head.signal);
        }
        return true;
    }

    void start(const Request& request) {
        require(request.fds.size() == 2, "a trainer gets a socket and memory");
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return reply_failed(request.head.id, errno);
        Descriptor report(ends[0]), child_report(ends[1]);
        const pid_t spawner = ::getpid();
        const pid_t pid = ::fork();
        if (pid < 0) return reply_failed(request.head.id, errno);
        if (pid == 0) exec_trainer(request, spawner, child_report.get());
        children_[request.head.id] = {pid, std::move(report)};
        replies_.push_back({SpawnerReply::Kind::started, request.head.id, pid, 0, 0});
    }

    void reply_failed(int32_t id, int error) {
        replies_.push_back({SpawnerReply::Kind::exited, id, 0, 0, error});
    }

    void reap() {
        int status = 0;
        for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
            const auto child = std::ranges::find_if(
                children_, [pid](const auto& entry) { return entry.second.pid == pid; });
            if (child == children_.end()) continue;
            int start_error = 0;
            if (::read(child->second.start_error.get(), &start_error, sizeof start_error) !=
                sizeof start_error)
                start_error = 0;
            replies_.push_back(
                {SpawnerReply::Kind::exited, child->first, pid, status, start_error});
            children_.erase(child);
        }
    }

    // Never blocks: replies that the socket does not take stay queued, so a parent that does not
    // read does not stop this process.
    void send_replies() {
        while (!replies_.empty()) {
            if (::send(socket_.get(), &replies_.front(), sizeof(SpawnerReply),
                       MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return;
            replies_.pop_front();
        }
    }

    void kill_children() {
        for (const auto& [id, child] : children_) ::kill(child.pid, SIGKILL);
        for (const auto& [id, child] : children_) ::waitpid(child.pid, nullptr, 0);
    }

    Descriptor socket_, exits_;
    std::map<int32_t, Child> children_; // by id; started and not reaped
    std::deque<SpawnerReply> replies_;
    std::string bytes_;
};
} // namespace

int run_spawner(Descriptor socket) noexcept {
    try {
        SpawnerProcess(std::move(socket)).run();
        return static_cast<int>(ExitCode::done);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return static_cast<int>(ExitCode::system);
    }
}

} // namespace dagan::cluster
