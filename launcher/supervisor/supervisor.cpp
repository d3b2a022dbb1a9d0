#include "launcher/supervisor/supervisor.h"

#include "base/error.h"
#include "base/file.h"
#include "base/host_facts.h"
#include "base/stop.h"
#include "base/subprocess.h"
#include "cluster/process/liveness.h"
#include "launcher/campaign/campaign_files.h"
#include "launcher/campaign/campaign_lock.h"
#include "launcher/campaign/deadline.h"
#include "launcher/campaign/incarnation.h"
#include "launcher/campaign/status.h"
#include "launcher/campaign/task_history.h"
#include "launcher/supervisor/downtime.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

namespace dagan::launcher {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

// Returns how many tasks are done or failed, a measure of progress over restarts. Quarantined and
// blocked tasks do not count.
int ended_in(const TaskCounts& counts) { return counts.done + counts.failed; }

// Prints a live line on a terminal, a line every 30 s elsewhere, nothing if quiet.
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

// Detects a job that stands still, by the snapshot that rank 0 writes once a second. The job itself
// detects most frozen processes; this is for a frozen mpirun, for a single rank, and for ranks that
// wait inside MPI for a frozen one.
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
    cluster::Silence silence_;
    // Until the first snapshot, the limit for the start.
    std::chrono::seconds limit_;
};

// The time allowed until a job's first snapshot: its ranks must connect, and each node may have to
// copy the data sets before.
constexpr std::chrono::seconds kStartLimit{300}, kStartLimitWithCopies{3600};

// Differs before and after a job exactly if the job made progress.
struct Advance {
    int ended = 0;
    fs::file_time_type checkpoint;
    bool operator==(const Advance&) const = default;
};

// The age from which leftovers are removed if other allocations may be running.
constexpr std::chrono::hours kLeftoverAge{1};
// How long the store's server may be unreachable: one that never answered is probably misspelt, one
// that did is probably down for a while.
constexpr std::chrono::seconds kServerPatience{60}, kKnownServerPatience{600};

class Supervisor {
  public:
    Supervisor(const CampaignFolder& folder, const SupervisorOptions& options)
        : options_(options), manifest_(read_manifest(folder)), taken_(take(folder)),
          folder_(taken_.folder), downtime_(folder_, began_), line_(options.quiet) {
        if (shared())
            line_.say(
                fmt::format("allocation {} of {}", folder_.allocation(), folder_.root().string()));
    }

    int run() {
        wait_for_earlier_ranks();
        for (int restarts = options_.restarts_before;; ++restarts) {
            const TaskCounts before = counts();
            if (before.all_ended() && (restarts > 0 || before.done == before.total()))
                return finished(before);
            if (stop_signalled()) return stopped();
            const Advance before_job{ended_in(before), newest_checkpoint(folder_)};
            remove_leftovers(folder_, shared() ? kLeftoverAge : std::chrono::hours(0));
            require_space(folder_);
            run_job(restarts);
            const auto ending = read_ending(folder_);
            if (ending && ending->state != CampaignState::failed)
                end_incarnation(folder_, incarnation_);
            if (ending && (stop_signalled() || !calls_for_restart(*ending))) return ended(*ending);
            if (stop_signalled()) return stopped();
            require_space(folder_);
            consider_restart(shared() ? job_advanced()
                                      : Advance{ended_in(counts()), newest_checkpoint(folder_)} !=
                                            before_job,
                             ending);
        }
    }

  private:
    bool shared() const { return !manifest_.store.empty(); }

    TakenAllocation take(const CampaignFolder& folder) const {
        int64_t mine = 0;
        const auto supersede = [&](const CampaignFolder& held) {
            // The leftover owner may have begun another incarnation meanwhile.
            if (present_incarnation(held).number != mine) mine = begin_incarnation(held);
        };
        if (shared()) return take_allocation(folder, options_.slurm_job, supersede);
        if (options_.slurm_job.empty()) return {folder, CampaignLock(folder)};
        return {folder, CampaignLock(folder, options_.slurm_job, [&] { supersede(folder); })};
    }

    // Whether this allocation's last job reported progress. The store does not tell: progress there
    // may be that of other allocations.
    bool job_advanced() const {
        const auto status = read_status(folder_);
        return status && status->advances > 0 && fs::last_write_time(folder_.status()) > job_began_;
    }

    // On a cluster, a node that lost its network may still run ranks of the previous job. They end
    // once they see that a later job has begun.
    void wait_for_earlier_ranks() {
        const Incarnation before = present_incarnation(folder_);
        incarnation_ = before.number;
        if (options_.slurm_job.empty() || before.ended) return;
        incarnation_ = begin_incarnation(folder_);
        std::this_thread::sleep_for(kIncarnationGrace);
    }

    void run_job(int restarts) {
        begin_next_incarnation();
        fs::remove(folder_.ending());
        fs::remove(folder_.warnings());
        bool warned = false;
        job_began_ = fs::file_time_type::clock::now();
        MpiJob job(folder_, options_.job, restarts, incarnation_);
        downtime_.on_job_started();
        StandstillWatch watch(folder_,
                              options_.job.scratch.empty() ? kStartLimit : kStartLimitWithCopies);
        bool asked = false, killed = false;
        while (job.running()) {
            if (stop_signalled() && !asked) {
                asked = true;
                line_.say("stop requested: waiting for checkpoints");
                job.request_stop();
            }
            if (!killed && watch.standstill()) {
                killed = true;
                line_.say("the MPI job does not respond and is killed");
            }
            if (job.superseded()) leave_to_later(job);
            if (killed) job.kill();
            if (!warned && fs::exists(folder_.warnings())) {
                warned = true;
                line_.say(read_file(folder_.warnings()));
            }
            const auto status = read_status(folder_);
            line_.show(status);
            if (const auto report = downtime_.on_status(status)) line_.say(*report);
            std::this_thread::sleep_for(std::chrono::milliseconds(asked ? 20 : 100));
        }
        all_ranks_stopped_ = job.all_ranks_stopped();
        if (job.could_not_start()) {
            throw system_error(fmt::format("{}: cannot be started; hint: install Open MPI (make "
                                           "setup), or load its module; see {}",
                                           job.starter(), folder_.job_log().string()));
        }
    }

    // Throws Blame::system if another process has begun a job since this one's last job.
    void begin_next_incarnation() {
        if (present_incarnation(folder_).number != incarnation_) throw_superseded();
        incarnation_ = begin_incarnation(folder_);
    }

    // Called when a later job of the campaign has begun elsewhere, because this one was thought
    // dead.
    [[noreturn]] void leave_to_later(MpiJob& job) {
        while (job.running()) {
            job.kill();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        throw_superseded();
    }
    [[noreturn]] void throw_superseded() const {
        throw system_error(folder_.root().string() +
                           ": a later job has taken over this campaign; this one ends");
    }

    // Whether to restart a job that recorded an ending. A system error may be transient (a killed
    // spawner, a disk that was briefly unavailable). A stop that nobody requested means that a rank
    // died: mpirun and srun then send TERM to the other ranks, which stop as if asked to. If all
    // ranks of srun stopped and none died, Slurm itself sent the TERM, for a preemption.
    bool calls_for_restart(const Ending& ending) const {
        if (ending.exit_code == static_cast<int>(ExitCode::system)) return true;
        const bool stopped_by_slurm =
            !options_.slurm_job.empty() && !mpirun_starts(options_.job) && all_ranks_stopped_;
        return ending.state == CampaignState::stopped && !stopped_by_slurm && !ending.out_of_time &&
               !is_near(options_.job.deadline_s);
    }

    // Called after the job died, with or without recording an ending. Returns if it is to be
    // restarted.
    void consider_restart(bool progressed, const std::optional<Ending>& ending) {
        fruitless_ = progressed ? 0 : fruitless_ + 1;
        const bool has_message = ending && ending->state == CampaignState::failed;
        if (fruitless_ > options_.max_fruitless_restarts) {
            throw system_error(
                fmt::format("{}: the MPI job died {} times in a row without progress; its last "
                            "lines:\n{}hint: see {}",
                            folder_.root().string(), fruitless_,
                            has_message ? ending->message + "\n" : last_lines(folder_.job_log(), 8),
                            folder_.logs().string()));
        }
        downtime_.on_job_lost();
        line_.say(has_message ? ending->message + "; the MPI job is restarted"
                              : "the MPI job died and is restarted");
        std::this_thread::sleep_for(std::chrono::milliseconds(200) *
                                    (1 << std::min(fruitless_, 5)));
    }

    int ended(const Ending& ending) {
        line_.say(fmt::format("{}: {}", to_string(ending.state), ending.message));
        if (ending.exit_code == static_cast<int>(ExitCode::done)) return ending.exit_code;
        require_space(folder_); // if the disk is full, report that instead
        if (ending.exit_code == static_cast<int>(ExitCode::some_failed)) hint_at_failures();
        return ending.exit_code;
    }
    // Reads the store. Waits for a server that is unreachable for a while.
    TaskCounts counts() {
        const auto patience = server_answered_ ? kKnownServerPatience : kServerPatience;
        const auto deadline = Clock::now() + patience;
        for (bool said = false;; said = true) {
            try {
                const TaskCounts counts = task_histories_of(folder_, manifest_).schedule->counts();
                server_answered_ = true;
                return counts;
            } catch (const Error& error) {
                if (!shared() || error.blame() != Blame::system || Clock::now() > deadline ||
                    stop_signalled())
                    throw;
                if (!said)
                    line_.say(fmt::format("{}; retrying for {} s", error.what(), patience.count()));
                std::this_thread::sleep_for(std::chrono::seconds(1));
            }
        }
    }

    int finished(const TaskCounts& tasks) {
        line_.say(fmt::format("{}: finished, {} of {} tasks done", folder_.root().string(),
                              tasks.done, tasks.total()));
        if (tasks.done == tasks.total()) return static_cast<int>(ExitCode::done);
        hint_at_failures();
        return static_cast<int>(ExitCode::some_failed);
    }
    int stopped() {
        line_.say("stopped; run the same command again to continue");
        return static_cast<int>(ExitCode::stopped);
    }
    void hint_at_failures() {
        line_.say(fmt::format("some tasks failed; hint: dagan results report {}",
                              folder_.root().string()));
    }

    // Taken before the constructor waits for the lock.
    fs::file_time_type began_ = fs::file_time_type::clock::now();
    SupervisorOptions options_;
    Manifest manifest_;
    TakenAllocation taken_;
    // As this allocation sees it.
    CampaignFolder folder_;
    Downtime downtime_;
    ProgressLine line_;
    fs::file_time_type job_began_{};
    // Of the present or last job.
    int64_t incarnation_ = 0;
    bool all_ranks_stopped_ = false;
    bool server_answered_ = false;
    // Restarts in a row without progress.
    int fruitless_ = 0;
};

} // namespace

int supervise(const CampaignFolder& folder, const SupervisorOptions& options) {
    catch_stop_signals();
    return Supervisor(folder, options).run();
}

namespace {
// Sends TERM to the batch script, which makes the campaign stop with checkpoints and does not
// requeue the job.
void stop_through_slurm(const CampaignFolder& folder, const std::string& job) {
    const std::vector<std::string> command{"scancel", "--batch", "--signal=TERM", job};
    if (run_program(command, own_environment()).exit_code != 0) {
        throw input_error(fmt::format("{}: `{}` failed; hint: run it where Slurm's programs are",
                                      folder.root().string(), fmt::join(command, " ")));
    }
}
} // namespace

void request_stop(const CampaignFolder& folder) {
    bool running = false;
    std::string unreachable;
    for (const CampaignFolder& allocation : folder.allocations()) {
        const auto owner = owner_of(allocation);
        if (!owner) continue;
        running = true;
        if (!owner->slurm_job.empty()) {
            stop_through_slurm(folder, owner->slurm_job);
        } else if (owner->host != host_facts().name || ::kill(owner->pid, SIGUSR1) != 0) {
            unreachable = fmt::format("process {} on {} cannot be signalled from here; hint: run "
                                      "`dagan stop` on that host",
                                      owner->pid, owner->host);
        }
    }
    if (!running) throw input_error(folder.root().string() + ": is not running");
    if (!unreachable.empty()) throw input_error(folder.root().string() + ": " + unreachable);
}

} // namespace dagan::launcher
