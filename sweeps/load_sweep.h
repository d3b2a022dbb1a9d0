// Reads and checks a sweep file. All checks of a sweep happen here, and all problems are reported
// together, each with file and line number.
//
//     const LoadedSweep loaded = load_sweep("sweeps/demo.yaml", {"seeds=2"}, lookup,
//                                           MissingData::refuse);
//     const Plan plan = expand(loaded);
#pragma once

#include "spec/sweep.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::sweeps {

// The facts about a data file that a sweep needs. This module does not read HDF5; the caller looks
// them up.
struct KnownDataset {
    DatasetShape shape;
    std::string sha256;              // "": only `expect` is known
    std::string smallest_class = ""; // its name, for messages; "": unknown
};

// Looks up a data file by its name in the sweep; returns nullopt if it does not exist. May throw
// Blame::input if the file is invalid.
using DatasetLookup = std::function<std::optional<KnownDataset>(const std::string& file)>;

struct LoadedSweep {
    Sweep sweep;
    // The data sets that the sweep uses, by name: from the file, otherwise from `expect`.
    std::map<std::string, KnownDataset> known;
    // URL of the server for the results; "": a file in the campaign's folder. Not part of the
    // sweep, because the results do not depend on it.
    std::string store = "";
};

// How to handle a missing data file: a run needs the files, `plan` and `describe` only `expect`.
enum class MissingData { refuse, use_expect };

// Reads the sweep at `path`. `overrides` are texts of `--set`, such as "classifier.epochs=20".
// Throws Blame::input with one line per problem (`sweeps/x.yaml:14: unknown key 'lerning_rate'; did
// you mean 'learning_rate'?`).
LoadedSweep load_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                       const DatasetLookup& lookup, MissingData missing);

} // namespace dagan::sweeps
