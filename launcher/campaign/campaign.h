// A campaign: a folder that holds one run of a sweep, and the manifest that freezes what was asked
// for (sweep, hashes of the data sets, code version) when it began.
//
// A later run in the same folder must ask for the same; it then continues the campaign. The
// results are in the store that the manifest names: a file in the folder, or a server. Several
// allocations may work at once on a campaign whose store is a server.
//
//     const CampaignFolder folder("campaigns/demo");
//     const Manifest manifest = begin_campaign(folder, loaded_sweep, "data");
//     const Plan plan = manifest.plan();
//     results::Location results = results_of(folder, manifest);
#pragma once

#include "results/store/store.h"
#include "spec/campaign_paths.h"
#include "spec/sweep.h"
#include "spec/task.h"
#include "sweeps/load_sweep.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dagan::launcher {

// The paths of a campaign (spec/campaign_paths.h) on this machine, as one allocation sees them.
class CampaignFolder : public CampaignPaths {
  public:
    // `root` is made absolute, so that it stays valid in processes with another working directory.
    explicit CampaignFolder(const std::filesystem::path& root, int allocation = 1)
        : CampaignPaths(std::filesystem::absolute(root).lexically_normal(), allocation) {}

    // Returns the same campaign as seen by allocation `number`, from 1.
    CampaignFolder of_allocation(int number) const { return CampaignFolder(root(), number); }
    // Returns the allocations that have worked on this campaign, in ascending order, at least one.
    std::vector<CampaignFolder> allocations() const;
};

struct Manifest {
    results::Campaign campaign;
    Sweep sweep;
    // By the data set's name.
    std::map<std::string, sweeps::KnownDataset> known;
    // Where the data files were when the campaign began; not part of the campaign's identity.
    std::string data_folder;
    // The device of all its trainers, "cpu" or "cuda"; it never changes.
    std::string device = "cpu";
    // The URL of a database server; "": the file results.sqlite in the folder.
    std::string store = "";

    // Expands the sweep; the same on every process, every time.
    Plan plan() const;
};

// Reads the manifest of an existing campaign. Throws Blame::input if the folder is not a campaign.
Manifest read_manifest(const CampaignFolder& folder);

// Returns where the results of a campaign are.
results::Location results_of(const CampaignFolder& folder, const Manifest& manifest);

// Returns the first value in which two JSON texts differ, with both values
// ("classifier.epochs: 3 there, 20 here"); "" if they are equal.
std::string first_difference(const std::string& there, const std::string& here);

// Begins a campaign in `folder`, or checks that the campaign there is the same one. Creates the
// folder and its subfolders. Of several processes that call this at once, one begins the campaign
// and the others continue it. If `loaded` names no store, an existing campaign keeps its own.
// Throws Blame::input with the first difference if the folder holds another campaign or other
// files, and Blame::system if it cannot be written; nothing is changed then.
Manifest begin_campaign(const CampaignFolder& folder, const sweeps::LoadedSweep& loaded,
                        const std::filesystem::path& data_folder,
                        const std::string& device = "cpu");

} // namespace dagan::launcher
