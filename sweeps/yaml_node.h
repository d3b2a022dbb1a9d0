// A YAML file as a plain tree in which every value knows where it was written. It keeps YAML's own types out of the rest and
// gives --set a place to put its values. Nothing is interpreted here: a scalar is its text.
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
    std::string
        place; // "sweeps/x.yaml:14" (of the key, in a section), or "--set classifier.epochs=20"
    std::string text; // of a scalar
    bool quoted = false;
    std::vector<YamlNode> items;   // of a list, or the values of a section
    std::vector<std::string> keys; // of a section, one per item, in the file's order
    bool added = false;            // by --set, where the file says nothing

    const YamlNode*
    find(std::string_view key) const; // null when this is no section or has no such key
    std::string described() const;    // "a list", "the text 'abc'", ... for messages
};

// Reads one YAML document. Problems (not readable, not YAML, a key given twice, more than one document) go to `problems`; the
// tree holds what could be read.
YamlNode read_yaml(const std::filesystem::path& path, Problems& problems);

// Puts the value of "a.b.c=value" into the tree, making sections that are missing. List items are named by their number from 0.
void apply_override(YamlNode& root, const std::string& override_text, Problems& problems);

// The node at "a.b.0.c": null when there is none, or the nearest one above it that exists.
const YamlNode* node_at(const YamlNode& root, std::string_view path);
const YamlNode& nearest_node(const YamlNode& root, std::string_view path);

} // namespace dagan::sweeps
