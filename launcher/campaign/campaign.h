// A campaign is a folder; the names of its files are made here and nowhere else. campaign.json freezes what was asked for (the
// sweep, the data sets' hashes, the code's version) when the campaign begins; later runs must ask for the same. Several
// allocations may work on one campaign when its store is a server's: what belongs to one of them alone (its holder, snapshot and
// logs) is in the campaign's folder for the first, in DIR/allocations/N for the others.
#pragma once

#include "results/store/store.h"
#include "spec/sweep.h"
#include "spec/task.h"
#include "sweeps/load_sweep.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dagan::launcher {

class CampaignFolder {
  public:
    explicit CampaignFolder(const std::filesystem::path& root)
        : root_(std::filesystem::absolute(root).lexically_normal()) {}

    const std::filesystem::path& root() const { return root_; }
    // The same campaign as allocation `number` (from 1) sees it; and the numbers that were in use so far.
    CampaignFolder of_allocation(int number) const;
    int allocation() const { return allocation_; }
    std::vector<CampaignFolder> allocations() const;
    std::filesystem::path manifest() const { return root_ / "campaign.json"; }
    std::filesystem::path forecast() const {
        return root_ / "forecast.json";
    } // what was expected when it began
    std::filesystem::path database() const { return root_ / "results.sqlite"; }
    std::filesystem::path published_rows() const {
        return root_ / "rows.csv";
    } // of a table that was published as text
    std::filesystem::path submission() const {
        return root_ / "submission.json";
    } // what `dagan submit` froze
    std::filesystem::path batch_script() const {
        return root_ / "job.sh";
    } // what it handed to sbatch
    // Of each allocation:
    std::filesystem::path status() const {
        return allocation_dir() / "status.json";
    } // snapshot, once a second
    std::filesystem::path ending() const {
        return allocation_dir() / "ending.json";
    } // how the last MPI job ended, by its own word
    std::filesystem::path owner_file() const {
        return allocation_dir() / "holder";
    } // locked by the supervisor in charge
    std::filesystem::path incarnation() const {
        return allocation_dir() / "incarnation";
    } // see launcher/campaign/incarnation.h
    std::filesystem::path logs() const { return allocation_dir() / "logs"; }
    std::filesystem::path rank_log(int rank) const {
        return logs() / ("rank-" + std::to_string(rank) + ".log");
    }
    std::filesystem::path job_log() const {
        return logs() / "job.log";
    } // what mpirun and its ranks print
    std::filesystem::path warnings() const {
        return logs() / "warnings.txt";
    } // of the start-up check of the present job

  private:
    std::filesystem::path allocation_dir() const;

    std::filesystem::path root_;
    int allocation_ = 1;
};

struct Manifest {
    results::Campaign campaign;
    Sweep sweep;
    std::map<std::string, sweeps::KnownDataset> known; // by data set name
    std::string data_folder;    // where the files were; not part of the identity
    std::string device = "cpu"; // "cpu" or "cuda": of all its trainers, for good
    std::string store = "";     // a server's URL; "": the file results.sqlite in the folder

    Plan plan() const; // the same on every process, every time
};

// The manifest of an existing campaign. Throws Blame::input when the folder is not a campaign.
Manifest read_manifest(const CampaignFolder& folder);

// Where the results of a campaign are.
results::Location results_of(const CampaignFolder& folder, const Manifest& manifest);

// The first value in which two JSON texts differ, with both ("classifier.epochs: 3 there, 20 here"); "" when they are equal.
std::string first_difference(const std::string& there, const std::string& here);

// Begins a campaign in `folder` (made with all its subfolders), or checks that the campaign there is this very one; of several
// that begin it at the same time one does. A campaign that goes on keeps its store, which need not be named again. Throws
// Blame::input with the first difference when it is another, Blame::system when the folder cannot be written; then nothing was
// changed.
Manifest begin_campaign(const CampaignFolder& folder, const sweeps::LoadedSweep& loaded,
                        const std::filesystem::path& data_folder,
                        const std::string& device = "cpu");

} // namespace dagan::launcher
