// DIR/submission.json: the sweep and the hashes of programs and data when `dagan submit` ran.
//
// Days may pass between sbatch and the start of a job, and between one job and the next. Each job
// compares, and refuses to start if something changed.
#pragma once

#include "launcher/campaign/campaign.h"
#include "spec/fields.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dagan::launcher {

struct Submission {
    std::string version; // of the program
    std::string sweep;   // its canonical text
    // SHA-256 of each program, by file name.
    std::map<std::string, std::string> programs;
    // SHA-256 of the images and labels of each data set, by its name in the sweep.
    std::map<std::string, std::string> datasets;

    DAGAN_FIELDS(version, sweep, programs, datasets)
    bool operator==(const Submission&) const = default;
};

// Computes the submission from the present files: hashes the programs in folder `programs` and
// reads the header of each data set in `data_folder`. Throws Blame::input if a program or data set
// is missing.
Submission submission_of(const Manifest& manifest, const std::filesystem::path& programs,
                         const std::filesystem::path& data_folder);

// Throws Blame::system if the file cannot be written.
void write_submission(const CampaignFolder& folder, const Submission& submission);
// Throws Blame::input if there is none, or if another version of the program wrote it.
Submission read_submission(const CampaignFolder& folder);

// Returns one line per difference ("dagan-train: sha256 ab12... when submitted, cd34... now");
// empty if there is none.
std::vector<std::string> changes_since(const Submission& then, const Submission& now);

// Checks the submission at a job's start. Does nothing if the campaign was not submitted. Throws
// Blame::input with all changes.
void require_as_submitted(const CampaignFolder& folder, const Manifest& manifest,
                          const std::filesystem::path& programs,
                          const std::filesystem::path& data_folder);

} // namespace dagan::launcher
