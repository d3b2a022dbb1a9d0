// `dagan doctor`: looks at this machine, a site profile, a sweep, its data and its store, and a campaign's folder before hours
// are spent on them, and names the fix of what is wrong. Starts nothing but a job of a second or two in which the ranks meet.
#pragma once

#include "launcher/doctor/machine_checks.h"
#include "launcher/slurm/site_profile.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

struct DoctorOptions {
    int ranks = 0; // on this machine; 0: as many as the profile or the sweep asks for
    std::optional<SiteProfile> profile;
    std::optional<sweeps::LoadedSweep> sweep; // with what is known of its data
    std::filesystem::path data_folder;
    std::filesystem::path output; // where the campaign is or will be
    std::string store; // a server's URL; "": the campaign's or the sweep's, if that is a server
};

std::vector<Check> examine(const DoctorOptions& options);

// One line for each check, "ok", "WARNING" or "FAULT" before it.
std::string checks_text(const std::vector<Check>& checks);

} // namespace dagan::launcher
