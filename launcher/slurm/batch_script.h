// The script that `dagan submit` hands to sbatch: written so that a person would keep it and could submit it by hand. Pure text
// of a profile and a few paths. It starts one step, forwards Slurm's warning, and asks to be queued again when the campaign
// stopped early with its checkpoints written: never after a cancel.
#pragma once

#include "launcher/slurm/site_profile.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dagan::launcher {

// How long before the end of its time Slurm warns the job (it may come up to a minute earlier).
inline constexpr std::chrono::seconds kWarning{120};

struct BatchJob {
    std::string name;        // of the campaign
    std::string campaign;    // its folder, absolute
    std::string programs;    // folder of dagan, dagan-worker and dagan-train, absolute
    std::string data_folder; // absolute
    std::string device;      // cpu or cuda
    std::string created_by;  // program and version
    std::optional<int64_t> lease_s =
        {}; // see launcher/coordinator/leases.h; the default when not given
    SiteProfile profile;
    std::string profile_path;
};

std::string batch_script(const BatchJob& job);

// The words that start the ranks of a job on that site; `dagan-worker ...` follows them.
std::vector<std::string> rank_starter(const SiteProfile& profile);

// `text` as one word of a shell: as it is when it is plain, else within single quotes.
std::string shell_word(const std::string& text);

} // namespace dagan::launcher
