// A campaign is a folder; the names of its files are made here and nowhere else. campaign.json freezes what was asked for (the
// sweep, the data sets' hashes, the code's version) when the campaign begins; later runs must ask for the same.
#pragma once

#include "results/store.h"
#include "spec/sweep.h"
#include "spec/task.h"
#include "sweeps/load_sweep.h"

#include <filesystem>
#include <map>
#include <string>

namespace dagan {

class CampaignFolder {
  public:
    explicit CampaignFolder(const std::filesystem::path& root) : root_(std::filesystem::absolute(root).lexically_normal()) {}

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path manifest() const { return root_ / "campaign.json"; }
    std::filesystem::path forecast() const { return root_ / "forecast.json"; } // what was expected when it began
    std::filesystem::path database() const { return root_ / "results.sqlite"; }
    std::filesystem::path status() const { return root_ / "status.json"; } // snapshot, once a second
    std::filesystem::path ending() const { return root_ / "ending.json"; } // how the last MPI job ended, by its own word
    std::filesystem::path holder() const { return root_ / "holder"; }      // locked by the supervisor in charge
    std::filesystem::path logs() const { return root_ / "logs"; }
    std::filesystem::path rank_log(int rank) const { return logs() / ("rank-" + std::to_string(rank) + ".log"); }
    std::filesystem::path job_log() const { return logs() / "job.log"; }           // what mpirun and its ranks print
    std::filesystem::path warnings() const { return logs() / "warnings.txt"; }     // of the start-up check of the present job
    std::filesystem::path incarnation() const { return root_ / "incarnation"; }    // see launcher/fence.h
    std::filesystem::path submission() const { return root_ / "submission.json"; } // what `dagan submit` froze
    std::filesystem::path batch_script() const { return root_ / "job.sh"; }        // what it handed to sbatch

  private:
    std::filesystem::path root_;
};

struct Manifest {
    Campaign campaign;
    Sweep sweep;
    std::map<std::string, KnownDataset> known; // by data set name
    std::string data_folder;                   // where the files were; not part of the identity
    std::string device = "cpu";                // "cpu" or "cuda": of all its trainers, for good

    Plan plan() const; // the same on every process, every time
};

// The manifest of an existing campaign. Throws Blame::input when the folder is not a campaign.
Manifest read_manifest(const CampaignFolder& folder);

// The first value in which two JSON texts differ, with both ("classifier.epochs: 3 there, 20 here"); "" when they are equal.
std::string first_difference(const std::string& there, const std::string& here);

// Begins a campaign in `folder` (made with all its subfolders), or checks that the campaign there is this very one. Throws
// Blame::input with the first difference when it is another, Blame::system when the folder cannot be written; then nothing was
// changed.
Manifest begin_campaign(const CampaignFolder& folder, const LoadedSweep& loaded, const std::filesystem::path& data_folder,
                        const std::string& device = "cpu");

} // namespace dagan
