// The batch script of `dagan submit`. It is written to be read, kept and submitted by hand.
//
// The script starts one step with the whole campaign, passes Slurm's warning on, and requeues
// itself if the campaign stopped early with its checkpoints written, but never after a cancel. The
// text is computed from a profile and a few paths; nothing here touches files or Slurm (submit.h
// does).
#pragma once

#include "launcher/slurm/site_profile.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

// How long before the end of its time Slurm warns the job. The warning may come up to a minute
// earlier.
inline constexpr std::chrono::seconds kWarning{120};

struct BatchJob {
    std::string name;        // of the campaign
    std::string campaign;    // the campaign's folder, absolute
    std::string programs;    // folder of dagan, dagan-worker and dagan-train, absolute
    std::string data_folder; // absolute
    std::string device;      // "cpu" or "cuda"
    std::string created_by;  // program and version
    // See launcher/coordinator/leases.h; nullopt: the default.
    std::optional<int64_t> lease_s = {};
    SiteProfile profile;
    std::string profile_path;
};

// Returns the text of the script. Throws Blame::input if the campaign's path contains a character
// that sbatch cannot read.
std::string batch_script(const BatchJob& job);

// Returns the command words that start the ranks of a job at that site. The words `dagan-worker
// ...` follow them.
std::vector<std::string> rank_starter(const SiteProfile& profile);

// Returns `text` as one word of a shell: unchanged if no character is special, else in single
// quotes.
std::string shell_word(const std::string& text);

} // namespace dagan::launcher
