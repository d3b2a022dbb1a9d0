// Starts trainers from a process that is forked before MPI_Init, because no process may fork after
// it. No process outlives the agent: the spawner dies with its parent, trainers die with the
// spawner.
//
// A trainer gets the standard streams (stdin is /dev/null), a socket as fd 3, shared memory as
// fd 4, and no other open descriptor. It runs in a session of its own and starts with HUP, INT,
// QUIT, TERM, USR1 and USR2 ignored: it is asked to stop by a message.
//
//     Spawner spawner;                                        // before MPI_Init
//     const ChildId id = spawner.start({{"/path/trainer"}, {}}, socket, memory.fd());
//     while (auto event = spawner.poll()) handle(*event);     // ChildStarted, then ChildExited
//     spawner.kill(id, SIGKILL);
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

// Identifies a child of one Spawner; never reused.
enum class ChildId : int {};

// The program to start.
struct ProgramStart {
    std::vector<std::string> argv; // argv[0] is the path of the program
    // NAME=value, added to the environment that the spawner inherited, or replacing its values.
    std::vector<std::string> environment;
};

struct ChildStarted {
    ChildId id{};
    // For logs. Signal it by Spawner::kill() only, which cannot hit an unrelated process.
    pid_t pid = 0;
};
struct ChildExited {
    ChildId id{};
    int wait_status = 0; // as returned by waitpid()
    int start_error = 0; // errno if the program could not be executed, else 0
};
// Each child yields ChildStarted, then ChildExited; only ChildExited if it could not be forked.
using SpawnerEvent = std::variant<ChildStarted, ChildExited>;

// Returns "exited with code 3", "killed by signal 9 (Killed)", or "could not be started: No such
// file or directory".
std::string describe(const ChildExited& exit);

// No call waits, except the destructor. Use it only in the thread that constructed it, because the
// kernel ties the spawner's life to that thread.
class Spawner {
  public:
    // Forks the spawner. Call it before MPI_Init, while the process has one thread. Throws
    // Blame::system.
    Spawner();
    // Kills all children (SIGKILL), ends the spawner, and waits for its end.
    ~Spawner();
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;

    // Starts a program with `socket` and `memory` as its fds 3 and 4. The caller keeps its own
    // copies, and usually closes that of `socket`. A failure to start the program is reported by an
    // event. Throws Blame::system if the spawner is gone.
    ChildId start(const ProgramStart& program, int socket, int memory);
    // Sends a signal; does nothing if the child has ended. Throws Blame::system if the spawner is
    // gone.
    void kill(ChildId id, int signal);
    // Returns the next event; nullopt if there is none. Throws Blame::system if the spawner is
    // gone. Then all its trainers are dead, too, and the agent must end.
    std::optional<SpawnerEvent> poll();
    // For poll(2): readable if poll() may return an event.
    int fd() const { return socket_.get(); }
    pid_t pid() const { return pid_; }

  private:
    void send_request(const std::string& bytes, const std::vector<int>& fds);

    Descriptor socket_;
    pid_t pid_ = 0;
    int last_id_ = 0;
};

} // namespace dagan::cluster
