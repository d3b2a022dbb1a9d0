// The commands of `dagan`, a file for each group. Each add_... declares its subcommands with their help; a chosen one runs in its
// callback and leaves its exit code in `exit_code`. Errors are thrown as Error and printed by main alone.
#pragma once

#include "results/database/location.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

void add_data_commands(CLI::App& app, int& exit_code);    // data import|make|info|verify|show
void add_plan_commands(CLI::App& app, int& exit_code);    // plan, describe
void add_run_commands(CLI::App& app, int& exit_code);     // run, status, stop
void add_generate_command(CLI::App& app, int& exit_code); // generate
void add_cluster_commands(CLI::App& app, int& exit_code); // submit, doctor
void add_results_commands(CLI::App& app, int& exit_code); // results rows|cells|table1|report|...
void add_database_commands(CLI::App& results,
                           int& exit_code); // results upgrade|check|salvage|merge|diff

// Where the results of a campaign are: its folder's database, or a PostgreSQL server's by URL. Says on stderr when it is of an
// older version. Throws Blame::input when the folder has none.
results::Location database_of(const std::string& folder_or_url);

// `--lease`, of the commands that run a campaign.
void add_lease(CLI::App& command, std::optional<int64_t>& lease_s);

// What commands that read a sweep share.
struct SweepArguments {
    std::string sweep;
    std::vector<std::string> overrides;
    std::string data; // "": DAGAN_DATA, else ./data/sets

    void add_to(CLI::App& command);
    void add_store_to(CLI::App& command); // where they run it
    std::filesystem::path data_folder() const;
};

} // namespace dagan::launcher
