#include "launcher/supervisor/mpi_job.h"

#include "base/error.h"
#include "base/program_folder.h"
#include "cluster/process/process_guard.h"
#include "launcher/supervisor/rank_starter.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// The signals that end a job, in the order in which they are sent until it has ended. Ranks started
// by mpirun die with it. A killed srun would leave its job step running, so it is interrupted
// first.
std::vector<int> ending_signals(const JobOptions& options) {
    return mpirun_starts(options) ? std::vector<int>{SIGKILL} : std::vector<int>{SIGINT, SIGKILL};
}

// In the child process: executes mpirun or srun, in its own process group, so that Ctrl-C in a
// terminal reaches only the supervisor.
[[noreturn]] void become_job(const CampaignFolder& folder, const std::vector<std::string>& command,
                             pid_t parent) {
    cluster::die_with_parent(parent);
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

} // namespace

std::vector<std::string> job_command(const CampaignFolder& folder, const JobOptions& options,
                                     int restarts, int64_t incarnation) {
    const fs::path bin = program_folder();
    std::vector<std::string> words =
        options.starter.empty() ? mpirun_on_this_machine(options.ranks) : options.starter;
    const auto add = [&](std::initializer_list<std::string> more) {
        words.insert(words.end(), more);
    };
    add({(bin / "dagan-worker").string(), folder.root().string(), "--trainer",
         (bin / "dagan-train").string(), "--data", options.data_folder, "--device", options.device,
         "--restarts", std::to_string(restarts), "--incarnation", std::to_string(incarnation),
         "--allocation", std::to_string(folder.allocation()), "--lease",
         std::to_string(options.lease_s)});
    if (options.deadline_s) add({"--deadline", std::to_string(*options.deadline_s)});
    if (!options.scratch.empty()) add({"--scratch", options.scratch});
    return words;
}

bool mpirun_starts(const JobOptions& options) {
    return options.starter.empty() || fs::path(options.starter.front()).filename() != "srun";
}

MpiJob::MpiJob(const CampaignFolder& folder, const JobOptions& options, int restarts,
               int64_t incarnation)
    : incarnation_(folder, incarnation), ending_signals_(ending_signals(options)) {
    const pid_t parent = ::getpid();
    const auto command = job_command(folder, options, restarts, incarnation);
    starter_ = command.front();
    pid_ = ::fork();
    if (pid_ < 0) throw system_error(starter_ + " cannot be started: " + errno_text(errno));
    if (pid_ == 0) become_job(folder, command, parent);
}

bool MpiJob::running() {
    if (pid_ > 0 && ::waitpid(pid_, &wait_status_, WNOHANG) == pid_) pid_ = 0;
    return pid_ > 0;
}

// mpirun and srun forward USR1 to the ranks; on TERM, mpirun would kill them.
void MpiJob::request_stop() const { ::kill(pid_, SIGUSR1); }

void MpiJob::kill() {
    constexpr std::chrono::seconds kPatience{5};
    const auto now = std::chrono::steady_clock::now();
    if (signals_sent_ > 0 && now - last_signal_ < kPatience) return;
    last_signal_ = now;
    ::kill(pid_, ending_signals_[std::min(signals_sent_++, ending_signals_.size() - 1)]);
}

// The exit code is the largest of all ranks: rank 0 ends with 75 after a stop, the others with 0; a
// killed rank counts as 128 + signal.
bool MpiJob::all_ranks_stopped() const {
    return WIFEXITED(wait_status_) &&
           WEXITSTATUS(wait_status_) == static_cast<int>(ExitCode::stopped);
}

bool MpiJob::could_not_start() const {
    return WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 127;
}

} // namespace dagan::launcher
