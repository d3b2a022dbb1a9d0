// Reads a sweep file. Every check of user input happens here; all problems are reported together, each with file:line, and
// nothing is started when there is one.
#pragma once

#include "spec/sweep.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan::sweeps {

// What is known of a data file without opening it here (sweeps does not read HDF5): its shape and hash.
struct KnownDataset {
    DatasetShape shape;
    std::string sha256;              // "" when only `expect` is known
    std::string smallest_class = ""; // its name, for messages; "" when it is not known
};

// Looks a data file up by the name in the sweep; nothing when the file is not there. May throw Blame::input on a file that is
// wrong.
using DatasetLookup = std::function<std::optional<KnownDataset>(const std::string& file)>;

struct LoadedSweep {
    Sweep sweep;
    std::map<std::string, KnownDataset>
        known; // by data set name: from its file, else from `expect`
    // Where the results go, a server's URL; "": a file in the campaign's folder. No part of what is asked for: the rows are the
    // same.
    std::string store = "";
};

enum class MissingData {
    refuse,
    use_expect
}; // a run needs the files; plan and describe can do with `expect`

// `overrides` are `--set` texts "classifier.epochs=20". Throws Blame::input with one line per problem
// (`sweeps/x.yaml:14: unknown key 'lerning_rate'; did you mean 'learning_rate'?`).
LoadedSweep load_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                       const DatasetLookup& lookup, MissingData missing);

} // namespace dagan::sweeps
