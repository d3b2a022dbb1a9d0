// The tasks of a campaign as runs, one record each, for exports to the formats of other tools.
//
// Internal to results.
#pragma once

#include "results/query/queries.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dagan::results {

// (step, value); NaN stands for a value that was not a number.
using Curve = std::vector<std::pair<int64_t, double>>;

// A planned task with its latest attempt, if it was started.
struct Run {
    std::string task; // key
    // A directory name that is unique within the campaign: "omniglot-n5-m3-seed0", "gan-omniglot".
    std::string name;
    std::map<std::string, std::string> parameters; // dataset, samples_per_class, ...
    std::map<std::string, std::string> places;     // host, ranks, device, outcome
    int64_t started_ms = 0, ended_ms = 0;          // since 1970, UTC; 0: not yet
    std::string outcome;                           // "" until the attempt has ended
    std::map<std::string, Curve> curves;           // by quantity
    // steps, best_epoch, best_validation_accuracy, test_accuracy.
    std::map<std::string, double> scores;
    int64_t best_epoch = 0;           // the step of the scores
    std::vector<std::string> samples; // PNG files relative to the campaign's folder, by iteration
};

// Reads all runs. A classifier's curves include validation_accuracy. Throws Blame::input if
// `database` is not a results database.
std::vector<Run> read_runs(const Location& database);

// Turns text into a file name: keeps letters, digits and ".-_", and replaces anything else by "_".
// The result is never empty and never begins with a dot.
std::string file_name_of(const std::string& text);

// Returns the path of a file that the database names, or nullopt if it does not exist or lies
// outside the campaign's folder. A database may come from someone else, and a report that is passed
// on must not contain other files of this machine.
std::optional<std::filesystem::path> file_in(const std::filesystem::path& campaign,
                                             const std::string& relative);

// Returns the number at the end of a file's stem, e.g. 300 for "KEY.300.png"; 0 if there is none.
int64_t iteration_of(const std::string& path);

} // namespace dagan::results
