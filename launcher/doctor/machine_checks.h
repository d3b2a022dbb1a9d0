// Checks of the machine on which a campaign is to run, one function per kind of fault. `dagan
// doctor` runs all of them; `dagan run` runs check_inherited_job. They leave nothing behind on the
// file system, and report faults as values; each message includes a fix.
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
    std::string text; // "place: what: why; hint: fix", or a statement of what is fine
};

// Checks for environment variables of a Slurm job or an MPI program around this process. If they
// come from a job of which this process is not part (an old shell, tmux), mpirun would start the
// ranks in that job. If this process is one of several tasks of a step, each task would start a
// whole campaign. `ancestors`: names of the processes above this one, nearest first.
Check check_inherited_job(const cluster::Variables& variables,
                          const std::vector<std::string>& ancestors);
// Returns the names of the processes above this one, nearest first.
std::vector<std::string> ancestor_names();

// Checks that there are enough cores for `ranks` ranks on this machine. `usable`: cores that this
// process may use; `online`: cores of the machine.
Check check_cores(int ranks, const Resources& resources, int usable, int online);

// Checks that files can be written, synced and locked in the folder, or in the nearest existing
// folder above it, and that it has room for `needed_bytes`.
Check check_folder(const std::filesystem::path& folder, int64_t needed_bytes);

// Compares this machine's clock with that of the file system, which on a cluster is the file
// server's.
Check check_clock(const std::filesystem::path& folder);
// Judges the difference: `ahead_s` is the present time minus the time of a new file.
Check check_clock_difference(const std::string& folder, double ahead_s);

// Checks that the server of the results answers and that a campaign can begin or continue there.
// Creates nothing.
Check check_store(const results::Location& server);
// Judges the answer of the server.
Check check_survey(const std::string& server, const results::ServerSurvey& survey);

// Checks every data set of the sweep: reads it in full, and compares it with its own checksums and
// with the data set with which the campaign began. `frozen`: those of the campaign, by name; empty
// if it has not begun.
std::vector<Check> check_data(const Sweep& sweep, const std::filesystem::path& data_folder,
                              const std::map<std::string, sweeps::KnownDataset>& frozen);

} // namespace dagan::launcher
