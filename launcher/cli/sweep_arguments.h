// The arguments of commands that read a sweep, and how they load it: the link between the module
// sweeps, which checks sweeps, and the module data, which reads the headers of data sets.
//
//     SweepArguments arguments;
//     arguments.add_to(command);
//     command.callback([&] { run(load(arguments, sweeps::MissingData::refuse)); });
#pragma once

#include "sweeps/load_sweep.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

struct SweepArguments {
    std::string sweep;
    std::vector<std::string> overrides;
    std::string data; // "": $DAGAN_DATA, otherwise data/sets

    // Declares the sweep file, --set and --data.
    void add_to(CLI::App& command);
    // Declares --store, for commands that run the sweep.
    void add_store_to(CLI::App& command);
    std::filesystem::path data_folder() const;
};

// Loads the sweep that the arguments name. Throws Blame::input with all problems of the sweep.
sweeps::LoadedSweep load(const SweepArguments& arguments, sweeps::MissingData missing);

// Declares --lease, for commands that run a campaign.
void add_lease(CLI::App& command, std::optional<int64_t>& lease_s);

} // namespace dagan::launcher
