#include "launcher/slurm/submission.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/version.h"
#include "data/dataset.h"
#include "spec/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <set>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
constexpr std::array kPrograms{"dagan", "dagan-worker", "dagan-train"};
// Only in builds with the GPU part.
constexpr std::array kOptionalPrograms{"libdagan_cuda.so"};

std::string shortened(const std::string& hash) {
    return hash.empty() ? "none" : hash.substr(0, 12) + "...";
}

// Appends one line per entry in which the two maps differ.
void add_differences(const std::string& kind, const std::map<std::string, std::string>& then,
                     const std::map<std::string, std::string>& now,
                     std::vector<std::string>& changes) {
    std::set<std::string> names;
    for (const auto* side : {&then, &now}) {
        for (const auto& [name, unused] : *side) names.insert(name);
    }
    const auto value = [](const auto& side, const std::string& name) {
        const auto found = side.find(name);
        return found == side.end() ? std::string() : found->second;
    };
    for (const std::string& name : names) {
        const std::string before = value(then, name), after = value(now, name);
        if (before == after) continue;
        changes.push_back(fmt::format("{}{}: sha256 {} when submitted, {} now", kind, name,
                                      shortened(before), shortened(after)));
    }
}
} // namespace

Submission submission_of(const Manifest& manifest, const fs::path& programs,
                         const fs::path& data_folder) {
    Submission submission{
        .version = kVersion, .sweep = to_text(manifest.sweep), .programs = {}, .datasets = {}};
    for (const char* name : kPrograms) {
        if (!fs::exists(programs / name))
            throw input_error((programs / name).string() + ": does not exist; hint: make build");
        submission.programs[name] = sha256_of_file(programs / name);
    }
    for (const char* name : kOptionalPrograms) {
        if (fs::exists(programs / name))
            submission.programs[name] = sha256_of_file(programs / name);
    }
    for (const auto& [name, known] : manifest.known) {
        submission.datasets[name] =
            data::read_dataset_info(data_folder / manifest.sweep.datasets.at(name).file).sha256;
    }
    return submission;
}

void write_submission(const CampaignFolder& folder, const Submission& submission) {
    write_atomically(folder.submission(), encode_json(submission).dump(2) + "\n");
}

Submission read_submission(const CampaignFolder& folder) {
    if (!fs::exists(folder.submission()))
        throw input_error(folder.root().string() + ": was not submitted; hint: dagan submit");
    try {
        return from_json_text<Submission>(read_file(folder.submission()));
    } catch (const std::exception& error) {
        throw input_error(fmt::format(
            "{}: was written by another version of this program: {}; hint: submit again",
            folder.submission().string(), error.what()));
    }
}

std::vector<std::string> changes_since(const Submission& then, const Submission& now) {
    std::vector<std::string> changes;
    if (then.version != now.version)
        changes.push_back(
            fmt::format("version: {} when submitted, {} now", then.version, now.version));
    if (const std::string difference = first_difference(then.sweep, now.sweep); !difference.empty())
        changes.push_back("sweep: " + difference);
    add_differences("", then.programs, now.programs, changes);
    add_differences("data set ", then.datasets, now.datasets, changes);
    return changes;
}

void require_as_submitted(const CampaignFolder& folder, const Manifest& manifest,
                          const fs::path& programs, const fs::path& data_folder) {
    if (!fs::exists(folder.submission())) return;
    const auto changes =
        changes_since(read_submission(folder), submission_of(manifest, programs, data_folder));
    if (changes.empty()) return;
    throw input_error(
        fmt::format("{}: is not what was submitted:\n  {}\nhint: restore what changed, "
                    "or run the same `dagan submit` again to continue with the "
                    "present state",
                    folder.root().string(), fmt::join(changes, "\n  ")));
}

} // namespace dagan::launcher
