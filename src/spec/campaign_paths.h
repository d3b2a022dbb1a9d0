// The paths of all files and folders of a campaign. No other file spells these names.
//
// A value: it composes paths and never touches the file system. Several allocations (Slurm jobs)
// may share a campaign whose store is a server; each has its own status, lock and logs. Those of
// the first are in the campaign folder itself, those of allocation N > 1 in allocations/N.
//
//     const CampaignPaths paths("campaigns/demo");
//     paths.weights("3f2a");          // campaigns/demo/checkpoints/3f2a.safetensors
//     CampaignPaths("c", 2).status(); // c/allocations/2/status.json
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace dagan {

class CampaignPaths {
  public:
    using Path = std::filesystem::path;

    CampaignPaths() = default;
    // `root`: the campaign folder. `allocation`: its number, from 1.
    explicit CampaignPaths(Path root, int allocation = 1)
        : root_(std::move(root)), allocation_(allocation) {}

    const Path& root() const { return root_; }
    int allocation() const { return allocation_; }

    // The request with which the campaign began: sweep, hashes of the data sets, code version.
    Path manifest() const { return root_ / "campaign.json"; }
    // The results, unless the campaign's store is a server.
    Path database() const { return root_ / "results.sqlite"; }
    // The rows of a table that was published as text, in place of a database.
    Path published_rows() const { return root_ / "rows.csv"; }
    // The cost that was predicted when the campaign began.
    Path forecast() const { return root_ / "forecast.json"; }
    // The tasks whose files were copied from other campaigns (`dagan run --reuse`).
    Path reused() const { return root_ / "reused.json"; }
    // What `dagan submit` froze, and the batch script that it gave to sbatch.
    Path submission() const { return root_ / "submission.json"; }
    Path batch_script() const { return root_ / "job.sh"; }
    // A file written and removed at once, to see whether the disk has room.
    Path space_probe() const { return root_ / "space"; }

    Path report_dir() const { return root_ / "report"; }
    Path report() const { return report_dir() / "index.html"; }

    // Files of a task, named after its key.
    Path checkpoints_dir() const { return root_ / "checkpoints"; }
    Path pools_dir() const { return root_ / "pools"; }
    Path samples_dir() const { return root_ / "samples"; }
    // The state from which an interrupted task resumes.
    Path checkpoint(const std::string& task) const {
        return checkpoints_dir() / (task + kCheckpointEnding);
    }
    // The weights of a finished DAGAN or selector.
    Path weights(const std::string& task) const {
        return checkpoints_dir() / (task + ".safetensors");
    }
    // The weights of a DAGAN at one of the iterations among which the best is chosen.
    Path candidate(const std::string& task, int64_t iteration) const {
        return checkpoints_dir() / (task + "." + std::to_string(iteration) + ".safetensors");
    }
    // The contact sheet of a DAGAN at an iteration.
    Path samples(const std::string& task, int64_t iteration) const {
        return samples_dir() / (task + "." + std::to_string(iteration) + ".png");
    }
    Path pool(const std::string& task) const { return pools_dir() / (task + ".h5"); }

    // Files of this allocation.
    Path allocation_dir() const {
        return allocation_ == 1 ? root_ : root_ / "allocations" / std::to_string(allocation_);
    }
    // The snapshot that rank 0 replaces once a second, and its temporary file.
    Path status() const { return allocation_dir() / "status.json"; }
    Path status_temporary() const { return allocation_dir() / "status.json.tmp"; }
    // How the last MPI job ended, as the job itself reported.
    Path ending() const { return allocation_dir() / "ending.json"; }
    // Names the supervisor in charge, which holds a lock on it.
    Path owner_file() const { return allocation_dir() / "holder"; }
    // The number of the last MPI job (launcher/campaign/incarnation.h).
    Path incarnation() const { return allocation_dir() / "incarnation"; }
    Path logs() const { return allocation_dir() / "logs"; }
    Path rank_log(int rank) const { return logs() / ("rank-" + std::to_string(rank) + ".log"); }
    // The output of mpirun and its ranks.
    Path job_log() const { return logs() / "job.log"; }
    // Warnings of the start-up check of the present job.
    Path warnings() const { return logs() / "warnings.txt"; }

    // Whether a file name is that of an unfinished atomic write (base/file.h): of any file, or of
    // the manifest.
    static bool is_temporary(const Path& file);
    bool is_temporary_manifest(const Path& file) const;
    // Whether a file of checkpoints_dir() is a checkpoint, not weights.
    static bool is_checkpoint(const Path& file);
    // Whether a file of samples_dir() is a contact sheet of this task.
    static bool is_sample_of(const std::string& task, const Path& file);

  private:
    static constexpr const char* kCheckpointEnding = ".resume.safetensors";

    Path root_;
    int allocation_ = 1;
};

} // namespace dagan
