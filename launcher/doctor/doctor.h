// `dagan doctor`: checks this machine, a site profile, a sweep with its data and store, and a
// campaign's folder before hours are spent on them. Each problem is reported with its fix. The only
// thing it starts is a trial job of a second or two in which the ranks find each other.
//
//     const std::vector<Check> checks = examine({.ranks = 2, .output = "campaigns/demo"});
//     std::cout << checks_text(checks);
#pragma once

#include "launcher/doctor/machine_checks.h"
#include "launcher/slurm/site_profile.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

struct DoctorOptions {
    // Ranks on this machine; 0: those of the profile, otherwise of a gang of the sweep.
    int ranks = 0;
    std::optional<SiteProfile> profile;
    std::optional<sweeps::LoadedSweep> sweep;
    std::filesystem::path data_folder;
    // The campaign's folder, which need not exist yet.
    std::filesystem::path output;
    // URL of a server; "": the store of the campaign or the sweep, if that is a server.
    std::string store;
};

// Runs all checks that apply to the options. Hardware and MPI are checked only on a compute node:
// inside a job, or if the machine has no queue.
std::vector<Check> examine(const DoctorOptions& options);

// Returns one line per check, which begins with "ok", "WARNING" or "FAULT".
std::string checks_text(const std::vector<Check>& checks);

} // namespace dagan::launcher
