#include "launcher/supervisor.h"

#include "base/error.h"
#include "base/file.h"
#include "base/stop.h"
#include "cluster/topology.h"
#include "launcher/deadline.h"
#include "launcher/fence.h"
#include "launcher/heartbeat.h"
#include "launcher/holder.h"
#include "launcher/mpi_job.h"
#include "launcher/recovery.h"
#include "launcher/standing.h"
#include "launcher/status.h"
#include "launcher/upkeep.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>
#include <vector>

namespace dagan {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

// How many tasks have come to their end by themselves; the measure of progress over restarts. That a task was given up is none.
int ended_in(const TaskCounts& counts) { return counts.done + counts.failed; }

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
    StandstillWatch(const CampaignFolder& folder, std::chrono::seconds start_limit)
        : folder_(folder), written_(last_written()), silence_(Clock::now()), limit_(start_limit) {}

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
    static constexpr std::chrono::seconds kLimit{30};

    fs::file_time_type last_written() const {
        std::error_code none;
        return fs::last_write_time(folder_.status(), none);
    }
    CampaignFolder folder_;
    fs::file_time_type written_;
    Silence silence_;
    std::chrono::seconds limit_; // at first that for the job's first snapshot
};

// Until a job's first snapshot: its ranks find each other, and each node may have to copy the data sets before that.
constexpr std::chrono::seconds kStartLimit{300}, kStartLimitWithCopies{3600};

// What tells whether a job brought the campaign forward.
struct Advance {
    int ended = 0;
    fs::file_time_type checkpoint;
    bool operator==(const Advance&) const = default;
};

class Supervisor {
  public:
    Supervisor(const CampaignFolder& folder, const SupervisorOptions& options)
        : folder_(folder), options_(options), recovery_(folder), lock_(take_lock(folder, options)),
          manifest_(read_manifest(folder)), line_(options.quiet) {}

    int run() {
        wait_for_earlier_ranks();
        for (int restarts = options_.restarts_before;; ++restarts) {
            const TaskCounts before = counts();
            if (before.all_ended() && (restarts > 0 || before.done == before.total())) return finished(before);
            if (stop_signalled()) return stopped();
            const Advance before_job{ended_in(before), newest_checkpoint(folder_)};
            remove_leftovers(folder_);
            require_space(folder_);
            run_job(restarts);
            const auto ending = read_ending(folder_);
            if (ending && ending->state != CampaignState::failed) end_incarnation(folder_, incarnation_);
            if (ending && (stop_signalled() || !calls_for_restart(*ending))) return ended(*ending);
            if (stop_signalled()) return stopped();
            require_space(folder_);
            consider_restart(Advance{ended_in(counts()), newest_checkpoint(folder_)} != before_job, ending);
        }
    }

  private:
    static CampaignLock take_lock(const CampaignFolder& folder, const SupervisorOptions& options) {
        if (options.slurm_job.empty()) return CampaignLock(folder);
        int64_t mine = 0;
        return CampaignLock(folder, options.slurm_job, [&] {
            if (present_incarnation(folder).number != mine) mine = begin_incarnation(folder); // it may have begun one meanwhile
        });
    }

    // On a cluster a node that lost its network runs on, with ranks of the job before this one. They leave once they see that a
    // later job has begun.
    void wait_for_earlier_ranks() {
        const Incarnation before = present_incarnation(folder_);
        incarnation_ = before.number;
        if (options_.slurm_job.empty() || before.ended) return;
        incarnation_ = begin_incarnation(folder_);
        std::this_thread::sleep_for(kFenceWait);
    }

    void run_job(int restarts) {
        begin_next_incarnation();
        fs::remove(folder_.ending());
        fs::remove(folder_.warnings());
        bool warned = false;
        MpiJob job(folder_, options_, restarts, incarnation_);
        recovery_.on_job_started();
        StandstillWatch watch(folder_, options_.scratch.empty() ? kStartLimit : kStartLimitWithCopies);
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
            }
            if (job.overtaken()) leave_to_later(job);
            if (killed) job.kill();
            if (!warned && fs::exists(folder_.warnings())) {
                warned = true;
                line_.say(read_file(folder_.warnings()));
            }
            const auto status = read_status(folder_);
            line_.show(status);
            if (const auto report = recovery_.on_status(status)) line_.say(*report);
            std::this_thread::sleep_for(std::chrono::milliseconds(asked ? 20 : 100));
        }
        all_ranks_stopped_ = job.all_ranks_stopped();
        if (job.could_not_start()) {
            throw system_error(
                fmt::format("{}: cannot be started; hint: install Open MPI (make setup), or load its module; see {}",
                            job.starter(), folder_.job_log().string()));
        }
    }

    // Jobs of this process follow each other, unless one elsewhere came between them.
    void begin_next_incarnation() {
        if (present_incarnation(folder_).number != incarnation_) refuse_to_go_on();
        incarnation_ = begin_incarnation(folder_);
    }

    // A later job of this campaign has begun elsewhere, since this one was thought dead.
    [[noreturn]] void leave_to_later(MpiJob& job) {
        while (job.running()) {
            job.kill();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        refuse_to_go_on();
    }
    [[noreturn]] void refuse_to_go_on() const {
        throw system_error(folder_.root().string() + ": a later job has taken this campaign over; this one ends");
    }

    // Accidents that the job lived to tell. mpirun and srun send TERM to all ranks when one is gone, and they stop as if asked
    // to, though nobody asked us. When all have stopped and none has died, it was Slurm's own TERM, at a preemption. And a fault
    // of the system may pass (a spawner was killed, a disk was away for a moment).
    bool calls_for_restart(const Ending& ending) const {
        if (ending.exit_code == static_cast<int>(ExitCode::system)) return true;
        const bool asked_by_slurm = !options_.slurm_job.empty() && !mpirun_starts(options_) && all_ranks_stopped_;
        return ending.state == CampaignState::stopped && !asked_by_slurm && !is_near(options_.deadline_s);
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
        recovery_.on_job_lost();
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
    Recovery recovery_; // begins to count before the lock is waited for
    CampaignLock lock_;
    Manifest manifest_;
    ProgressLine line_;
    int64_t incarnation_ = 0;        // of the present or last job
    bool all_ranks_stopped_ = false; // of the last job
    int fruitless_ = 0;
};

} // namespace

fs::path program_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

int supervise(const CampaignFolder& folder, const SupervisorOptions& options) {
    catch_stop_signals();
    return Supervisor(folder, options).run();
}

namespace {
// TERM to the batch script: checkpoints, and no return to the queue.
void stop_through_slurm(const CampaignFolder& folder, const std::string& job) {
    const std::string command = "scancel --batch --signal=TERM " + job;
    if (std::system(command.c_str()) != 0) {
        throw input_error(
            fmt::format("{}: `{}` failed; hint: run it where Slurm's programs are", folder.root().string(), command));
    }
}
} // namespace

void ask_to_stop(const CampaignFolder& folder) {
    const auto holder = holder_of(folder);
    if (!holder) throw input_error(folder.root().string() + ": is not running");
    if (!holder->slurm_job.empty()) return stop_through_slurm(folder, holder->slurm_job);
    if (holder->host != host_facts().name || ::kill(holder->pid, SIGUSR1) != 0) {
        throw input_error(fmt::format("{}: process {} on {} cannot be signalled from here; hint: run `dagan stop` on that host",
                                      folder.root().string(), holder->pid, holder->host));
    }
}

bool is_held(const CampaignFolder& folder) { return holder_of(folder).has_value(); }

} // namespace dagan
