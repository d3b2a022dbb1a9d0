// What is wrong with a sweep file, collected so that all of it is reported at once. Problems are kept by the path of the key
// they are about ("datasets.omniglot.split"), so that a later check stays silent about what is already known to be wrong.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dagan::sweeps {

class Problems {
  public:
    // `place` is "file:line" or "--set key=value"; `path` may be "" when the problem is about no key.
    void add(const std::string& place, const std::string& path, const std::string& text) {
        lines_.push_back(place + ": " + text);
        if (!path.empty()) paths_.push_back(path);
    }

    // Is the key at `path`, one above or one below it already known to be wrong?
    bool touch(const std::string& path) const {
        for (const auto& bad : paths_) {
            if (bad == path || bad.starts_with(path + ".") || path.starts_with(bad + "."))
                return true;
        }
        return false;
    }
    void mark(std::string path) {
        paths_.push_back(std::move(path));
    } // known to be wrong, reported elsewhere

    bool empty() const { return lines_.empty(); }
    const std::vector<std::string>& lines() const { return lines_; }

  private:
    std::vector<std::string> lines_;
    std::vector<std::string> paths_;
};

} // namespace dagan::sweeps
