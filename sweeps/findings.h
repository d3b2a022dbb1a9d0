// Reports the problems of a sweep by the path of the wrong key ("gan.batch_size"), once per key.
// The place of a message is the line of the key, or of the nearest section above it if the value is
// a default.
#pragma once

#include "sweeps/problems.h"
#include "sweeps/yaml_node.h"

#include <string>

namespace dagan::sweeps {

class Findings {
  public:
    // Both arguments must outlive this object.
    Findings(const YamlNode& root, Problems& problems) : root_(root), problems_(problems) {}

    // Reports `path: text`, unless a problem with that key is known already.
    void report(const std::string& path, const std::string& text) {
        if (valid(path)) problems_.add(nearest_node(root_, path).place, path, path + ": " + text);
    }
    // Whether no problem is known with the key at `path`, those above and those below it.
    bool valid(const std::string& path) const { return !problems_.affect(path); }
    std::string place(const std::string& path) const { return nearest_node(root_, path).place; }
    // Whether --set added `path` to a file that does not have it.
    bool added(const std::string& path) const {
        return written(path) && node_at(root_, path)->added;
    }
    // Whether the file or --set has the key `path`.
    bool written(const std::string& path) const { return node_at(root_, path) != nullptr; }

  private:
    const YamlNode& root_;
    Problems& problems_;
};

} // namespace dagan::sweeps
