#include "launcher/supervisor.h"

#include "base/error.h"
#include "base/file.h"
#include "base/stop.h"
#include "cluster/process_guard.h"
#include "launcher/heartbeat.h"
#include "launcher/holder.h"
#include "launcher/standing.h"
#include "launcher/status.h"
#include "launcher/upkeep.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

namespace dagan {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

// How many tasks have come to their end; the measure of progress over restarts.
int ended_in(const TaskCounts& counts) { return counts.done + counts.failed + counts.quarantined + counts.blocked; }

// The live line on a terminal, a line now and then in a log; nothing when quiet.
class ProgressLine {
  public:
    explicit ProgressLine(bool quiet) : quiet_(quiet), live_(::isatty(STDERR_FILENO) != 0) {}

    void show(const std::optional<Status>& status) {
        if (quiet_ || !status) return;
        const std::string line = status_line(*status);
        if (live_) {
            fmt::print(stderr, "\r{:<{}}", line, width_);
            width_ = std::max(width_, line.size());
            std::fflush(stderr);
        } else if (line != last_ && Clock::now() - said_ > std::chrono::seconds(30)) {
            say(line);
            last_ = line;
        }
    }
    void say(const std::string& line) {
        if (quiet_) return;
        said_ = Clock::now();
        if (live_ && width_ > 0) fmt::print(stderr, "\r{:<{}}\r", "", width_);
        fmt::print(stderr, "{}\n", line);
        width_ = 0;
    }

  private:
    bool quiet_, live_;
    size_t width_ = 0;
    std::string last_;
    Clock::time_point said_ = Clock::now();
};

std::vector<std::string> job_command(const CampaignFolder& folder, const SupervisorOptions& options, int restarts) {
    const fs::path bin = program_folder();
    return {"mpirun",
            "-n",
            std::to_string(options.ranks),
            "--oversubscribe",
            "--bind-to",
            "none",
            "--mca",
            "mpi_yield_when_idle",
            "1",
            (bin / "dagan-worker").string(),
            folder.root().string(),
            "--trainer",
            (bin / "dagan-train").string(),
            "--data",
            options.data_folder,
            "--restarts",
            std::to_string(restarts)};
}

// In the child: becomes mpirun, in a process group of its own so that a terminal's Ctrl-C reaches the supervisor alone.
[[noreturn]] void become_job(const CampaignFolder& folder, const std::vector<std::string>& command, pid_t parent) {
    die_with_parent(parent);
    ::setpgid(0, 0);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
    const int log = ::open(folder.job_log().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (log >= 0) {
        ::dup2(log, STDOUT_FILENO);
        ::dup2(log, STDERR_FILENO);
    }
    const int none = ::open("/dev/null", O_RDONLY);
    if (none >= 0) ::dup2(none, STDIN_FILENO);
    for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) ::signal(signal, SIG_DFL);
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    fmt::print(stderr, "{}: cannot be started: {}\n", command[0], errno_text(errno));
    ::_exit(127);
}

// One MPI job from start to end.
class Job {
  public:
    Job(const CampaignFolder& folder, const SupervisorOptions& options, int restarts) {
        const pid_t parent = ::getpid();
        const auto command = job_command(folder, options, restarts);
        pid_ = ::fork();
        if (pid_ < 0) throw system_error("mpirun cannot be started: " + errno_text(errno));
        if (pid_ == 0) become_job(folder, command, parent);
    }
    bool running() {
        if (pid_ > 0 && ::waitpid(pid_, &wait_status_, WNOHANG) == pid_) pid_ = 0;
        return pid_ > 0;
    }
    // mpirun passes USR1 on to the ranks; TERM would make it kill them.
    void ask_to_stop() const { ::kill(pid_, SIGUSR1); }
    // The ranks, and all below them, die with mpirun.
    void kill() const { ::kill(pid_, SIGKILL); }
    bool could_not_start() const { return WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 127; }

  private:
    pid_t pid_ = 0;
    int wait_status_ = 0;
};

std::string last_lines(const fs::path& log, int count) {
    if (!fs::exists(log)) return "";
    const std::string text = read_file(log);
    size_t from = text.size();
    for (int lines = 0; from > 0 && lines <= count; --from) lines += text[from - 1] == '\n';
    return text.substr(from);
}

// Notices a job that has come to a standstill: rank 0 writes its snapshot once a second. Most frozen processes are noticed within
// the job; this is for mpirun, for a rank 0 that is alone, and for ranks that wait for a frozen one within MPI.
class StandstillWatch {
  public:
    explicit StandstillWatch(const CampaignFolder& folder) : folder_(folder), written_(last_written()), silence_(Clock::now()) {}

    bool standstill() {
        const auto written = last_written();
        if (written != written_) {
            written_ = written;
            limit_ = kLimit;
            silence_.on_sign(Clock::now());
        }
        return silence_.at(Clock::now()) > limit_;
    }

  private:
    static constexpr std::chrono::seconds kLimit{30}, kStartLimit{300};

    fs::file_time_type last_written() const {
        std::error_code none;
        return fs::last_write_time(folder_.status(), none);
    }
    CampaignFolder folder_;
    fs::file_time_type written_;
    Silence silence_;
    std::chrono::seconds limit_ = kStartLimit; // before the job's first snapshot
};

// What tells whether a job brought the campaign forward.
struct Advance {
    int ended = 0;
    fs::file_time_type checkpoint;
    bool operator==(const Advance&) const = default;
};

class Supervisor {
  public:
    Supervisor(const CampaignFolder& folder, const SupervisorOptions& options)
        : folder_(folder), options_(options), lock_(folder), manifest_(read_manifest(folder)), line_(options.quiet) {}

    int run() {
        for (int restarts = 0;; ++restarts) {
            const TaskCounts before = counts();
            if (before.all_ended() && (restarts > 0 || before.done == before.total())) return finished(before);
            if (stop_signalled()) return stopped();
            const Advance before_job{ended_in(before), newest_checkpoint(folder_)};
            remove_leftovers(folder_);
            require_space(folder_);
            run_job(restarts);
            const auto ending = read_ending(folder_);
            if (ending && (stop_signalled() || !calls_for_restart(*ending))) return ended(*ending);
            if (stop_signalled()) return stopped();
            require_space(folder_);
            consider_restart(Advance{ended_in(counts()), newest_checkpoint(folder_)} != before_job, ending);
        }
    }

  private:
    void run_job(int restarts) {
        fs::remove(folder_.ending());
        Job job(folder_, options_, restarts);
        StandstillWatch watch(folder_);
        bool asked = false, killed = false;
        while (job.running()) {
            if (stop_signalled() && !asked) {
                asked = true;
                line_.say("stop requested: waiting for checkpoints");
                job.ask_to_stop();
            }
            if (!killed && watch.standstill()) {
                killed = true;
                line_.say("the MPI job stands still and is killed");
                job.kill();
            }
            line_.show(read_status(folder_));
            std::this_thread::sleep_for(std::chrono::milliseconds(asked ? 20 : 100));
        }
        if (job.could_not_start()) {
            throw system_error(fmt::format("mpirun: cannot be started; hint: install Open MPI (make setup), see {}",
                                           folder_.job_log().string()));
        }
    }

    // Accidents that the job lived to tell. mpirun sends TERM to all ranks when one is gone, and they stop as if asked to, though
    // nobody asked us; and a fault of the system may pass (a spawner was killed, a disk was away for a moment).
    static bool calls_for_restart(const Ending& ending) {
        return ending.state == CampaignState::stopped || ending.exit_code == static_cast<int>(ExitCode::system);
    }

    // The job died, with or without a last word.
    void consider_restart(bool progressed, const std::optional<Ending>& ending) {
        fruitless_ = progressed ? 0 : fruitless_ + 1;
        const bool said_why = ending && ending->state == CampaignState::failed;
        if (fruitless_ > options_.max_fruitless_restarts) {
            throw system_error(
                fmt::format("{}: the MPI job died {} times in a row without any progress; its last lines:\n{}hint: see {}",
                            folder_.root().string(), fruitless_,
                            said_why ? ending->message + "\n" : last_lines(folder_.job_log(), 8), folder_.logs().string()));
        }
        line_.say(said_why ? ending->message + "; the MPI job is started again" : "the MPI job died; it is started again");
        std::this_thread::sleep_for(std::chrono::milliseconds(200) * (1 << std::min(fruitless_, 5)));
    }

    int ended(const Ending& ending) {
        line_.say(fmt::format("{}: {}", to_string(ending.state), ending.message));
        if (ending.exit_code == static_cast<int>(ExitCode::done)) return ending.exit_code;
        require_space(folder_); // a full disk is the one thing to know then
        if (ending.exit_code == static_cast<int>(ExitCode::some_failed)) hint_at_failures();
        return ending.exit_code;
    }
    TaskCounts counts() const { return standing_of(folder_, manifest_).schedule->counts(); }

    int finished(const TaskCounts& tasks) {
        line_.say(fmt::format("{}: finished, {} of {} tasks done", folder_.root().string(), tasks.done, tasks.total()));
        if (tasks.done == tasks.total()) return static_cast<int>(ExitCode::done);
        hint_at_failures();
        return static_cast<int>(ExitCode::some_failed);
    }
    int stopped() {
        line_.say("stopped; run the same command again to go on");
        return static_cast<int>(ExitCode::stopped);
    }
    void hint_at_failures() {
        line_.say(fmt::format("some tasks failed; hint: dagan results report {}", folder_.root().string()));
    }

    CampaignFolder folder_;
    SupervisorOptions options_;
    CampaignLock lock_;
    Manifest manifest_;
    ProgressLine line_;
    int fruitless_ = 0;
};

} // namespace

fs::path program_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

int supervise(const CampaignFolder& folder, const SupervisorOptions& options) {
    catch_stop_signals();
    return Supervisor(folder, options).run();
}

void ask_to_stop(const CampaignFolder& folder) {
    const auto holder = holder_of(folder);
    if (!holder) throw input_error(folder.root().string() + ": is not running");
    if (::kill(holder->pid, SIGUSR1) != 0) {
        throw input_error(fmt::format("{}: process {} on {} cannot be signalled from here; hint: run `dagan stop` on that host",
                                      folder.root().string(), holder->pid, holder->host));
    }
}

bool is_held(const CampaignFolder& folder) { return holder_of(folder).has_value(); }

} // namespace dagan
