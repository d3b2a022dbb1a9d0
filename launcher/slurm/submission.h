// What `dagan submit` froze, DIR/submission.json: the sweep, and hashes of the programs and of the data. Days may lie between
// sbatch and the job's start, and between one allocation and the next: each start compares, and refuses with what has changed.
#pragma once

#include "launcher/campaign/campaign.h"
#include "spec/fields.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dagan::launcher {

struct Submission {
    std::string version;                         // of the program
    std::string sweep;                           // its canonical text
    std::map<std::string, std::string> programs; // file name: sha256 of its bytes
    std::map<std::string, std::string> datasets; // name in the sweep: sha256 of images and labels

    DAGAN_FIELDS(version, sweep, programs, datasets)
    bool operator==(const Submission&) const = default;
};

// As things are now. Reads the programs in `programs` whole and of each data set the header. Throws Blame::input when a program
// or a data set is not there.
Submission submission_of(const Manifest& manifest, const std::filesystem::path& programs,
                         const std::filesystem::path& data_folder);

void write_submission(const CampaignFolder& folder, const Submission& submission);
// Throws Blame::input when there is none, or it was written by another version of this program.
Submission read_submission(const CampaignFolder& folder);

// One line for each thing that differs, "dagan-train: sha256 ab12... when submitted, cd34... now"; empty when all is as it was.
std::vector<std::string> changes_since(const Submission& then, const Submission& now);

// For a job's start. Does nothing when the campaign was not submitted. Throws Blame::input with the changes and what to do.
void require_as_submitted(const CampaignFolder& folder, const Manifest& manifest,
                          const std::filesystem::path& programs,
                          const std::filesystem::path& data_folder);

} // namespace dagan::launcher
