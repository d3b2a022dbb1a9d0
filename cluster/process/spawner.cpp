#include "cluster/process/spawner.h"

#include "base/error.h"
#include "base/fault.h"
#include "cluster/process/process_guard.h"
#include "cluster/process/spawner_protocol.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace dagan::cluster {

namespace {
// The spawner reads requests at once, unless it is stopped or the machine is badly overloaded.
constexpr timeval kSendTimeout{5, 0};
constexpr std::chrono::seconds kEndTimeout{2};

void append(std::string& bytes, const std::vector<std::string>& strings) {
    for (const std::string& text : strings) {
        require(text.find('\0') == std::string::npos, "program arguments contain no NUL");
        bytes.append(text.c_str(), text.size() + 1);
    }
}

std::string head_bytes(const SpawnerRequest& head) {
    return {reinterpret_cast<const char*>(&head), sizeof head};
}
} // namespace

std::string describe(const ChildExited& exit) {
    if (exit.start_error != 0) return "could not be started: " + errno_text(exit.start_error);
    if (WIFSIGNALED(exit.wait_status)) {
        const int signal = WTERMSIG(exit.wait_status);
        return "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
    }
    return "exited with code " + std::to_string(WEXITSTATUS(exit.wait_status));
}

Spawner::Spawner() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        throw system_error("spawner: cannot create a socket pair: " + errno_text(errno));
    }
    socket_ = Descriptor(ends[0]);
    Descriptor spawner_end(ends[1]);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw system_error("spawner: cannot be forked: " + errno_text(errno));
    if (pid_ == 0) {
        die_with_parent(parent);
        ::_exit(run_spawner(std::move(spawner_end)));
    }
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
}

Spawner::~Spawner() {
    socket_.close(); // makes the spawner kill its children and exit
    const auto deadline = std::chrono::steady_clock::now() + kEndTimeout;
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            ::kill(pid_, SIGKILL); // its children die with it
            ::waitpid(pid_, nullptr, 0);
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

ChildId Spawner::start(const ProgramStart& program, int socket, int memory) {
    require(!program.argv.empty(), "a program to start has a path");
    SpawnerRequest head{SpawnerRequest::Kind::start, ++last_id_, 0,
                        static_cast<int32_t>(program.argv.size())};
    std::string bytes = head_bytes(head);
    append(bytes, program.argv);
    append(bytes, program.environment);
    fault_point(FaultPoint::spawn);
    send_request(bytes, {socket, memory});
    return ChildId{last_id_};
}

void Spawner::kill(ChildId id, int signal) {
    send_request(head_bytes({SpawnerRequest::Kind::signal, static_cast<int32_t>(id), signal, 0}),
                 {});
}

void Spawner::send_request(const std::string& bytes, const std::vector<int>& fds) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(head), fds.data(), fds.size() * sizeof(int));
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) throw system_error("spawner: cannot send a request: " + errno_text(errno));
}

std::optional<SpawnerEvent> Spawner::poll() {
    SpawnerReply reply;
    ssize_t got = 0;
    do {
        got = ::recv(socket_.get(), &reply, sizeof reply, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
    if (got <= 0)
        throw system_error("spawner: process " + std::to_string(pid_) +
                           " died, and all trainers with it");
    require(got == sizeof reply, "a reply of the spawner is whole");
    const ChildId id{reply.id};
    if (reply.kind == SpawnerReply::Kind::started) return ChildStarted{id, reply.pid};
    return ChildExited{id, reply.wait_status, reply.start_error};
}

} // namespace dagan::cluster
