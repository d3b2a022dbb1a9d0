// A copy of a campaign's data sets on the scratch disk of a node, shared by the ranks there.
//
// The first rank of a node to arrive copies the files and checks them against the campaign's
// hashes; the others wait for it; the last to leave removes the copy. The folder is named after its
// content, so a later job can use a copy that a killed job left behind. The ranks of a node
// coordinate through file locks on that disk.
#pragma once

#include "base/descriptor.h"
#include "cluster/host/slurm_environment.h"
#include "launcher/campaign/campaign.h"

#include <filesystem>
#include <string>

namespace dagan::launcher {

class StagedData {
  public:
    // Copies the data sets from `data_folder` to a folder in `scratch`, or waits while another rank
    // of this node does. Data sets with an absolute path in the sweep are not copied. Throws
    // Blame::system if the disk is full or cannot be written, Blame::input if a file is not the one
    // with which the campaign began.
    StagedData(const Manifest& manifest, const std::filesystem::path& data_folder,
               const std::filesystem::path& scratch);
    ~StagedData();
    StagedData(const StagedData&) = delete;
    StagedData& operator=(const StagedData&) = delete;

    // The copy, to be used as data folder.
    const std::filesystem::path& folder() const { return folder_; }

  private:
    void copy_all(const Manifest& manifest, const std::filesystem::path& data_folder) const;

    // Two locks: one held exclusively while the copy is made or removed, and one that every user of
    // the copy shares.
    std::filesystem::path lock_path() const { return folder_.string() + ".lock"; }
    std::filesystem::path use_path() const { return folder_.string() + ".use"; }

    std::filesystem::path folder_;
    Descriptor in_use_;
};

// Replaces $NAME and ${NAME} by the values of environment variables. Throws Blame::input if one is
// not set.
std::string expand_variables(const std::string& text, const cluster::Variables& variables);

} // namespace dagan::launcher
