// The commands of `dagan`, one file per group.
//
// Each add_... function declares its subcommands with their help. The command that the user chose
// runs in its callback, throws Error for all failures, and may set `exit_code`, which is 0
// otherwise. Only main prints errors (launcher/program/run_main.h).
#pragma once

#include "results/database/location.h"

#include <CLI/CLI.hpp>

#include <string>

namespace dagan::launcher {

// data import|make|info|verify|show
void add_data_commands(CLI::App& app, int& exit_code);
// plan, describe
void add_plan_commands(CLI::App& app, int& exit_code);
// run, status, stop, reproduce, explain, logs; and supervise, which `run` becomes
void add_run_commands(CLI::App& app, int& exit_code);
// generate
void add_generate_commands(CLI::App& app, int& exit_code);
// submit, doctor
void add_cluster_commands(CLI::App& app, int& exit_code);
// results rows|cells|table1|report|...
void add_results_commands(CLI::App& app, int& exit_code);
// results upgrade|check|salvage|merge|diff|...; called by add_results_commands
void add_database_commands(CLI::App& results, int& exit_code);

// Returns where the results of a campaign are: the database in its folder, or a PostgreSQL server
// by its URL. Prints a note on stderr if an older version wrote the database. Throws Blame::input
// if the folder has no results.
results::Location database_of(const std::string& folder_or_url);

} // namespace dagan::launcher
