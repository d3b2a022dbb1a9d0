// How the checks of a sweep report: by the path of the key that is wrong, once per key, with the line on which it stands (or the
// nearest section above it, when a default is at fault).
#pragma once

#include "sweeps/problems.h"
#include "sweeps/yaml_node.h"

#include <string>

namespace dagan::sweeps {

class Findings {
  public:
    Findings(const YamlNode& root, Problems& problems) : root_(root), problems_(problems) {}

    // Adds `path: text` unless that key is already known to be wrong.
    void report(const std::string& path, const std::string& text) {
        if (sound(path)) problems_.add(nearest_node(root_, path).place, path, path + ": " + text);
    }
    // Can the value at `path` be relied on?
    bool sound(const std::string& path) const { return !problems_.touch(path); }
    std::string place(const std::string& path) const { return nearest_node(root_, path).place; }
    // Does --set put something at `path` where the file has nothing?
    bool added(const std::string& path) const {
        return written(path) && node_at(root_, path)->added;
    }
    // Does the file (or --set) say anything at `path`?
    bool written(const std::string& path) const { return node_at(root_, path) != nullptr; }

  private:
    const YamlNode& root_;
    Problems& problems_;
};

} // namespace dagan::sweeps
