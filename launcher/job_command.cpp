#include "launcher/job_command.h"

#include <csignal>
#include <filesystem>

namespace dagan {

namespace fs = std::filesystem;

namespace {
std::vector<std::string> rank_starter(const SupervisorOptions& options) {
    if (!options.starter.empty()) return options.starter;
    return {"mpirun", "-n", std::to_string(options.ranks), "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle",
            "1"};
}
} // namespace

std::vector<std::string> job_command(const CampaignFolder& folder, const SupervisorOptions& options, int restarts,
                                     int64_t incarnation) {
    const fs::path bin = program_folder();
    std::vector<std::string> words = rank_starter(options);
    const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
    add({(bin / "dagan-worker").string(), folder.root().string(), "--trainer", (bin / "dagan-train").string(), "--data",
         options.data_folder, "--device", options.device, "--restarts", std::to_string(restarts), "--incarnation",
         std::to_string(incarnation)});
    if (options.deadline_s) add({"--deadline", std::to_string(*options.deadline_s)});
    if (!options.scratch.empty()) add({"--scratch", options.scratch});
    return words;
}

bool mpirun_starts(const SupervisorOptions& options) {
    return options.starter.empty() || fs::path(options.starter.front()).filename() != "srun";
}

std::vector<int> ending_signals(const SupervisorOptions& options) {
    return mpirun_starts(options) ? std::vector<int>{SIGKILL} : std::vector<int>{SIGINT, SIGKILL};
}

} // namespace dagan
