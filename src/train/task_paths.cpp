#include "base/hash.h"
#include "train/tasks.h"

namespace dagan::train {

Artifact TaskPaths::artifact(const std::string& role, const std::filesystem::path& path) const {
    return {.role = role,
            .path = path.lexically_relative(campaign).string(),
            .sha256 = sha256_of_file(path)};
}

} // namespace dagan::train
