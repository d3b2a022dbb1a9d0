// A YAML file as a plain tree in which every value knows its place in the file. It hides the types
// of the YAML library, and values of --set are put into it. Values are not interpreted: a scalar is
// its text (read_fields.h reads numbers and names).
#pragma once

#include "sweeps/problems.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dagan::sweeps {

struct YamlNode {
    enum class Kind { nothing, scalar, list, section };

    Kind kind = Kind::nothing;
    // "sweeps/x.yaml:14", for a value in a section the line of its key; or "--set key=value".
    std::string place;
    std::string text; // of a scalar
    bool quoted = false;
    std::vector<YamlNode> items;   // of a list, or the values of a section
    std::vector<std::string> keys; // of a section, one per item, in the file's order
    bool added = false;            // by --set, and not in the file

    // Returns the value of a key; null if this is not a section or does not have it.
    const YamlNode* find(std::string_view key) const;
    // Describes the value in a message: "a list", "the quoted text \"abc\"".
    std::string described() const;
};

// Reads one YAML document. Problems (unreadable, not YAML, a key given twice, more than one
// document) are added to `problems`; the tree contains what could be read.
YamlNode read_yaml(const std::filesystem::path& path, Problems& problems);

// Puts the value of "a.b.c=value" into the tree and adds missing sections. List items are named by
// their number from 0.
void apply_override(YamlNode& root, const std::string& override_text, Problems& problems);

// Returns the node at "a.b.0.c"; null if there is none.
const YamlNode* node_at(const YamlNode& root, std::string_view path);
// Returns the node at `path`, or the nearest existing one above it.
const YamlNode& nearest_node(const YamlNode& root, std::string_view path);

} // namespace dagan::sweeps
