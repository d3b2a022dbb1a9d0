// What can be wrong with the place that a campaign is to run at, one function for each kind of fault: `dagan doctor` runs them
// all, the start of a job those that cost nothing. Each looks at what it is handed or at the file system and leaves nothing
// behind. What is wrong is worded with its fix.
#pragma once

#include "cluster/host/slurm_environment.h"
#include "results/database/server_survey.h"
#include "spec/sweep.h"
#include "sweeps/load_sweep.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dagan::launcher {

DAGAN_ENUM(Severity, fine, warning, fault)

struct Check {
    Severity severity = Severity::fine;
    std::string text; // "place: what: why; hint: fix", or what is fine
};

// Variables of a job or an MPI program around this process. `ancestors`: names of the processes above it. Inherited from a job
// that this process is no part of (an old shell, tmux), they would send the ranks elsewhere; within a step, each of its tasks
// would start a whole campaign.
Check check_inherited_job(const cluster::Variables& variables,
                          const std::vector<std::string>& ancestors);
std::vector<std::string> ancestor_names(); // of this process, nearest first

// Cores for so many ranks on this machine; `online` counts what the machine has, `usable` what this process may use.
Check check_cores(int ranks, const Resources& resources, int usable, int online);

// Can files be written to the folder (or the nearest one above it that exists), synced and locked, and is there room for so much?
Check check_folder(const std::filesystem::path& folder, int64_t needed_bytes);

// This machine's clock against the file system's, which on a cluster is the file server's.
Check check_clock(const std::filesystem::path& folder);
// The rule behind it: how far a file that was just written is from now.
Check check_clock_difference(const std::string& folder, double ahead_s);

// Does the server answer that the results are to go to, and can a campaign begin or go on there? Creates nothing.
Check check_store(const results::Location& server);
// The rule behind it.
Check check_survey(const std::string& server, const results::ServerSurvey& survey);

// Every data set of the sweep, read in full against its own checksums and against what the campaign began with (`frozen`, by
// name; empty when it has not begun).
std::vector<Check> check_data(const Sweep& sweep, const std::filesystem::path& data_folder,
                              const std::map<std::string, sweeps::KnownDataset>& frozen);

} // namespace dagan::launcher
