// The checkpoint from which a task resumes.
//
// The last two checkpoints are kept. An incomplete or damaged one is never used: the one before it
// is loaded, with a warning. A resumed run must produce the bits of an uninterrupted one, so the
// file records the facts that determine the bits, and a run under other facts is refused.
//
//     CheckpointFile checkpoint(paths.checkpoint(key), ResumeFacts::here(key, 1));
//     if (const auto file = checkpoint.load()) restore(*file);
//     checkpoint.save(state());
//     checkpoint.remove(); // when the task is finished
#pragma once

#include "spec/fields.h"
#include "train/files/tensor_file.h"

#include <filesystem>
#include <optional>
#include <string>

namespace dagan::train {

// The facts that must be equal for a resumed run to be exact.
struct ResumeFacts {
    std::string task; // key
    std::string device = "cpu";
    int threads = 1;
    int world_size = 1;

    // Returns the facts of this process; `device` is Compute::name().
    static ResumeFacts here(const std::string& task_key, int world_size,
                            const std::string& device = "cpu");

    DAGAN_FIELDS(task, device, threads, world_size)
    bool operator==(const ResumeFacts&) const = default;
};

class CheckpointFile {
  public:
    CheckpointFile(std::filesystem::path path, ResumeFacts facts);

    // Returns the latest valid checkpoint; nullopt if there is none. Logs a warning for a damaged
    // one and for one written on a CPU with other instructions. Throws Blame::input, with file and
    // difference, if a valid one was written under other facts.
    std::optional<TensorFile> load();

    // Writes a new checkpoint and keeps the previous one. Throws Blame::system; at least one of the
    // older checkpoints then still exists.
    void save(TensorFile file);

    // Removes both checkpoints. Call when the task is finished.
    void remove() const;

    std::filesystem::path path() const { return path_; }
    std::filesystem::path previous() const;

  private:
    std::filesystem::path path_;
    ResumeFacts facts_;
    // Otherwise the next checkpoint overwrites it instead of the previous one.
    bool latest_is_valid_ = true;
};

} // namespace dagan::train
