// Collects the problems of a sweep file, so that all are reported together. Each belongs to the
// path of a key ("datasets.omniglot.split"), so that later checks do not report a consequence of a
// known problem.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dagan::sweeps {

class Problems {
  public:
    // `place` is "file:line" or "--set key=value". `path` is "" if no key is concerned.
    void add(const std::string& place, const std::string& path, const std::string& text) {
        lines_.push_back(place + ": " + text);
        if (!path.empty()) paths_.push_back(path);
    }

    // Whether there is a problem with the key at `path`, one above or one below it.
    bool affect(const std::string& path) const {
        for (const auto& bad : paths_) {
            if (bad == path || bad.starts_with(path + ".") || path.starts_with(bad + "."))
                return true;
        }
        return false;
    }
    // Marks the key at `path` as wrong without a message, because another message covers it.
    void mark(std::string path) { paths_.push_back(std::move(path)); }

    bool empty() const { return lines_.empty(); }
    const std::vector<std::string>& lines() const { return lines_; }

  private:
    std::vector<std::string> lines_;
    std::vector<std::string> paths_;
};

} // namespace dagan::sweeps
