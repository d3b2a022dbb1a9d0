// A node's own copy of a campaign's data sets, on its scratch disk: the first rank of the node that comes makes it and checks it
// against the campaign's hashes, the others wait for that, the last one to go removes it. Named after its content, so that what a
// killed job left behind is used again. Ranks of one node agree through locks on that disk.
#pragma once

#include "base/descriptor.h"
#include "cluster/host/slurm_environment.h"
#include "launcher/campaign/campaign.h"

#include <filesystem>
#include <string>

namespace dagan::launcher {

class StagedData {
  public:
    // Blocks while another rank of this node copies. Data sets that the sweep names by an absolute path stay where they are.
    // Throws Blame::system when the disk is full or cannot be written, Blame::input when a file is not what the campaign began
    // with.
    StagedData(const Manifest& manifest, const std::filesystem::path& data_folder,
               const std::filesystem::path& scratch);
    ~StagedData();
    StagedData(const StagedData&) = delete;
    StagedData& operator=(const StagedData&) = delete;

    const std::filesystem::path& folder() const { return folder_; } // a data folder

  private:
    void copy_all(const Manifest& manifest, const std::filesystem::path& data_folder) const;

    // Two locks: one for copying and removing, held for that time, and one that every user shares for as long as it lives.
    std::filesystem::path lock_path() const { return folder_.string() + ".lock"; }
    std::filesystem::path use_path() const { return folder_.string() + ".use"; }

    std::filesystem::path folder_;
    Descriptor in_use_;
};

// Replaces $NAME and ${NAME}. Throws Blame::input when a variable is not set.
std::string expand_variables(const std::string& text, const cluster::Variables& variables);

} // namespace dagan::launcher
