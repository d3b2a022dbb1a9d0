// The file from which a task goes on: the last two checkpoints are kept, and one that is not whole is never believed (the one
// before it is taken, with a warning). Going on must give the bits of a run that was never interrupted, so the facts on which
// the bits depend are written down, and a run under other facts is refused.
#pragma once

#include "spec/fields.h"
#include "train/files/tensor_file.h"

#include <filesystem>
#include <optional>
#include <string>

namespace dagan::train {

// What must be equal for a resumed run to be exact.
struct ResumeFacts {
    std::string task; // key
    std::string device = "cpu";
    int threads = 1;
    int world_size = 1;

    // Of the calling thread; `device` as Compute::name() has it.
    static ResumeFacts here(const std::string& task_key, int world_size,
                            const std::string& device = "cpu");

    DAGAN_FIELDS(task, device, threads, world_size)
    bool operator==(const ResumeFacts&) const = default;
};

class CheckpointFile {
  public:
    CheckpointFile(std::filesystem::path path, ResumeFacts facts);

    // The latest whole checkpoint, or nothing. Warns of one that is not whole, and of a CPU with other instructions. Throws
    // Blame::input, naming file and difference, when a whole one was written under other facts.
    std::optional<TensorFile> load();

    // Writes a new one, and keeps the one before it. Throws Blame::system; then at least one of the older ones is still there.
    void save(TensorFile file);

    // Removes both: the task is finished.
    void remove() const;

    std::filesystem::path path() const { return path_; }
    std::filesystem::path previous() const;

  private:
    std::filesystem::path path_;
    ResumeFacts facts_;
    bool latest_is_whole_ = true; // else it must not take the place of the one before it
};

} // namespace dagan::train
