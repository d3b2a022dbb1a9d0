#include "train/task_paths.h"

#include "base/hash.h"

namespace dagan::train {

Artifact TaskPaths::artifact(const std::string& role, const std::filesystem::path& path) const {
    return {.role = role,
            .path = path.lexically_relative(root()).string(),
            .sha256 = sha256_of_file(path)};
}

} // namespace dagan::train
