// A small sweep as text, which the tests of this folder modify, and a made-up data folder to load
// it with.
#pragma once

#include "base/error.h"
#include "sweeps/load_sweep.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace dagan::sweeps {

inline const std::string kSmallSweep = R"(name: small
seed: 11
seeds: 2
datasets:
  omniglot:
    file: omniglot.h5
    split: {source: [0, 40], validation: [1200, 1206], test: [1412, 1420]}
    cases: {test: 2, validation: 3}
gan: {iterations: 12, batch_size: 8, checkpoints: 2}
classifier: {epochs: 3, softmax: held_out}
sweep:
  - {dataset: omniglot, samples_per_class: [2, 4], generated_per_real: [0, 1, 3]}
resources: {gan_ranks: 2}
)";

// Returns `text` with the first `from` replaced by `to`; fails the test if it does not occur.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << "no '" << from << "' to replace";
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// The data folder of these tests.
inline std::optional<KnownDataset> lookup_made_up(const std::string& file) {
    static const std::map<std::string, KnownDataset> kFiles{
        {"omniglot.h5", {{1623, 20, 1, 28}, "omniglot-sha"}},
        {"emnist.h5", {{47, 2800, 1, 28}, "emnist-sha"}},
        {"faces.h5", {{2396, 100, 3, 64}, "faces-sha"}},
        {"dots.h5", {{100, 20, 1, 8}, "dots-sha"}},
        {"single.h5", {{100, 1, 1, 28}, "single-sha"}},
        {"portraits.h5", {{10, 8, 1, 28}, "portraits-sha", "Ann Lee"}},
    };
    if (file == "broken.h5") throw input_error("broken.h5: /images: has rank 3 instead of 4");
    const auto found = kFiles.find(file);
    return found == kFiles.end() ? std::nullopt : std::optional(found->second);
}

struct TemporaryFolder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("sweeps_test." + std::to_string(::getpid()));
    TemporaryFolder() { std::filesystem::create_directories(path); }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

inline LoadedSweep load_text(const std::string& text,
                             const std::vector<std::string>& overrides = {},
                             MissingData missing = MissingData::refuse) {
    static const TemporaryFolder kFolder;
    // Removed first: truncating the file would flush it to disk, thousands of times.
    std::filesystem::remove(kFolder.path / "x.yaml");
    std::ofstream(kFolder.path / "x.yaml") << text;
    struct Restore {
        std::filesystem::path before = std::filesystem::current_path();
        ~Restore() { std::filesystem::current_path(before); }
    } restore;
    std::filesystem::current_path(kFolder.path); // so that messages begin with "x.yaml:"
    return load_sweep("x.yaml", overrides, lookup_made_up, missing);
}

// Returns the message with which the sweep is refused; "" if it is accepted.
inline std::string refusal_of(const std::string& text,
                              const std::vector<std::string>& overrides = {},
                              MissingData missing = MissingData::refuse) {
    try {
        load_text(text, overrides, missing);
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input) << error.what();
        return error.what();
    }
    return "";
}

} // namespace dagan::sweeps
