// The names of the files that tasks leave in a campaign's folder; made here and nowhere else.
#pragma once

#include "spec/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace dagan::train {

// Where a task keeps its files, and how often it saves. Paths in Artifacts are relative to `campaign`.
struct TaskPaths {
    std::filesystem::path campaign; // the campaign folder
    std::chrono::seconds checkpoint_every{60};

    std::filesystem::path checkpoint(const std::string& task) const {
        return campaign / "checkpoints" / (task + ".resume.safetensors");
    }
    std::filesystem::path weights(const std::string& task) const {
        return campaign / "checkpoints" / (task + ".safetensors");
    }
    std::filesystem::path candidate(const std::string& task, int64_t iteration) const {
        return campaign / "checkpoints" / (task + "." + std::to_string(iteration) + ".safetensors");
    }
    std::filesystem::path samples(const std::string& task, int64_t iteration) const {
        return campaign / "samples" / (task + "." + std::to_string(iteration) + ".png");
    }
    std::filesystem::path pool(const std::string& task) const {
        return campaign / "pools" / (task + ".h5");
    }

    // The file `path`, hashed, as an artifact of this campaign. Throws Blame::system when it cannot be read.
    Artifact artifact(const std::string& role, const std::filesystem::path& path) const;
};

} // namespace dagan::train
