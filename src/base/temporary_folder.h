// A new directory that is removed with its content at the end of the object's life.
#pragma once

#include "base/error.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace dagan {

class TemporaryFolder {
  public:
    // Throws Blame::system if the directory cannot be created.
    explicit TemporaryFolder(
        const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
        std::string pattern = (parent / "dagan-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw system_error(pattern + ": cannot be created: " + errno_text(errno));
        path_ = pattern;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

} // namespace dagan
