// Starts trainers from a process that was forked before MPI_Init, because nothing may fork after it. Whatever dies, nothing
// stays: the spawner dies with its parent, trainers die with the spawner. A trainer gets standard streams (stdin is /dev/null), a
// socket as fd 3, shared memory as fd 4, and nothing else open; it is in a session of its own and starts with HUP, INT, QUIT,
// TERM, USR1 and USR2 ignored: it is told to stop by message. All calls return at once. One thread at a time: the one that made
// the Spawner, since the kernel ties the spawner's life to that thread.
#pragma once

#include "base/descriptor.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace dagan::cluster {

inline constexpr int kTrainerSocketFd = 3;
inline constexpr int kTrainerMemoryFd = 4;

// A process of this spawner; never used twice.
enum class ChildId : int {};

struct ProgramStart {
    std::vector<std::string> argv; // argv[0] is the path of the program
    std::vector<std::string>
        environment; // NAME=value, added to or replacing what the spawner inherited
};

struct ChildStarted {
    ChildId id{};
    pid_t pid = 0; // for logs; to signal it use Spawner::kill, which cannot hit another process
};
struct ChildExited {
    ChildId id{};
    int wait_status = 0; // as of waitpid
    int start_error = 0; // errno when the program could not be executed, else 0
};
using SpawnerEvent = std::variant<
    ChildStarted,
    ChildExited>; // per child: started, then exited; only exited when it could not be forked

// "exited with code 3", "killed by signal 9 (Killed)", "could not be started: No such file or directory".
std::string describe(const ChildExited& exit);

class Spawner {
  public:
    // Forks. Call it before MPI_Init and while the process has one thread. Throws Blame::system.
    Spawner();
    // Ends all children (SIGKILL) and the spawner, and waits for that.
    ~Spawner();
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;

    // Starts a program with `socket` and `memory` as its fds 3 and 4; the caller keeps, and usually closes, its own copies.
    // What went wrong later comes as an event. Throws Blame::system when the spawner is gone.
    ChildId start(const ProgramStart& program, int socket, int memory);
    // Sends a signal; does nothing when the child has already ended. Throws Blame::system when the spawner is gone.
    void kill(ChildId id, int signal);
    // The next event, or nothing yet. Throws Blame::system when the spawner is gone: trainers died with it, and so should the
    // agent.
    std::optional<SpawnerEvent> poll();
    int fd() const { return socket_.get(); } // readable when poll() may give more
    pid_t pid() const { return pid_; }

  private:
    void request(const std::string& bytes, const std::vector<int>& fds);

    Descriptor socket_;
    pid_t pid_ = 0;
    int last_id_ = 0;
};

} // namespace dagan::cluster
