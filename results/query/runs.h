// What the tasks of a campaign left behind, one record each, for the formats of other tools. Internal to results.
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

using Curve =
    std::vector<std::pair<int64_t, double>>; // (step, value), NaN where it was not a number

// A planned task with its latest attempt, if it was started.
struct Run {
    std::string task; // key
    std::string
        name; // for a folder: "omniglot-n5-m3-seed0", "gan-omniglot"; different for each task of a campaign
    std::map<std::string, std::string> parameters; // dataset, samples_per_class, ...
    std::map<std::string, std::string> places; // host, ranks, device, outcome: where and how it ran
    int64_t started_ms = 0, ended_ms = 0;      // since 1970, UTC; 0: not yet
    std::string outcome;                       // "" until it has ended
    std::map<std::string, Curve> curves; // by quantity; a classifier's include validation_accuracy
    std::map<std::string, double>
        scores;                       // best_epoch, best_validation_accuracy, test_accuracy, steps
    int64_t best_epoch = 0;           // the step of the scores
    std::vector<std::string> samples; // PNG files relative to the campaign's folder, by iteration
};

std::vector<Run> read_runs(const Location& database);

// Text as one name in a folder: letters, digits and ".-_" stay, anything else becomes "_"; never hidden, "..", or empty.
std::string file_name_of(const std::string& text);

// A file that the database names, if it is one and lies in the campaign's folder: databases come from elsewhere too, and a report
// that is handed on must not carry what else this machine holds.
std::optional<std::filesystem::path> file_in(const std::filesystem::path& campaign,
                                             const std::string& relative);

// The number at the end of a file's name: 300 of "KEY.300.png". Files sort by it, not by the alphabet.
int64_t iteration_of(const std::string& path);

} // namespace dagan::results
