#include "sweeps/yaml_node.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

namespace dagan::sweeps {

namespace {

// Bounds far above any sweep file. They stop an alias that contains itself, or nested aliases, from
// filling the memory.
constexpr int kMaxDepth = 16;
constexpr int kMaxNodes = 100000;

class Converter {
  public:
    Converter(std::string source, bool with_lines, Problems& problems)
        : source_(std::move(source)), with_lines_(with_lines), problems_(problems) {}

    YamlNode convert(const YAML::Node& yaml, const std::string& place, const std::string& path = "",
                     int depth = 0) {
        YamlNode node;
        node.place = place;
        if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
            if (!overflowed_)
                problems_.add(place, path, "nested too deeply or too large for a sweep file");
            overflowed_ = true;
            return node;
        }
        if (yaml.IsScalar()) {
            node.kind = YamlNode::Kind::scalar;
            node.text = yaml.Scalar();
            node.quoted = yaml.Tag() == "!";
        } else if (yaml.IsSequence()) {
            node.kind = YamlNode::Kind::list;
            for (const auto& item : yaml) {
                node.items.push_back(convert(item, place_of(item),
                                             path + "." + std::to_string(node.items.size()),
                                             depth + 1));
            }
        } else if (yaml.IsMap()) {
            node.kind = YamlNode::Kind::section;
            for (const auto& member : yaml)
                add_member(node, member.first, member.second, path, depth);
        }
        return node;
    }

    std::string place_of(const YAML::Node& yaml) const { return at_line(yaml.Mark().line); }
    std::string at_line(int line) const {
        return with_lines_ && line >= 0 ? fmt::format("{}:{}", source_, line + 1) : source_;
    }

  private:
    void add_member(YamlNode& node, const YAML::Node& key, const YAML::Node& value,
                    const std::string& path, int depth) {
        const std::string place = place_of(key);
        if (!key.IsScalar()) {
            problems_.add(place, path, "a key must be a plain word");
            return;
        }
        const std::string inner = path.empty() ? key.Scalar() : path + "." + key.Scalar();
        if (const YamlNode* first = node.find(key.Scalar())) {
            problems_.add(
                place, inner,
                fmt::format("key '{}' is given twice, first at {}", key.Scalar(), first->place));
            return;
        }
        YamlNode converted = convert(value, place, inner, depth + 1);
        node.keys.push_back(key.Scalar());
        node.items.push_back(std::move(converted));
    }

    std::string source_;
    bool with_lines_;
    Problems& problems_;
    int nodes_ = 0;
    bool overflowed_ = false;
};

// Notes the line of the last document start and ignores the contents.
class DocumentStarts : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark& mark) override { last_line = mark.line; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}

    int last_line = -1;
};

// Returns the line (from 0) of a second document, if any. Not by YAML::LoadAll, which does not end
// on some broken texts.
std::optional<int> second_document(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    DocumentStarts starts;
    if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts))
        return std::nullopt;
    return starts.last_line;
}

// Parses `text`, which must be one document. `path` is the path of its key, "" for a file.
YamlNode parse(const std::string& text, const std::string& source, const std::string& path,
               bool with_lines, Problems& problems) {
    Converter converter(source, with_lines, problems);
    YamlNode empty;
    empty.place = source;
    try {
        if (const auto line = second_document(text)) {
            problems.add(converter.at_line(*line), path,
                         "a second YAML document begins here; a sweep file is one document");
        }
        return converter.convert(YAML::Load(text), source, path);
    } catch (const YAML::Exception& error) {
        problems.add(converter.at_line(error.mark.line), path, "not valid YAML: " + error.msg);
    }
    return empty;
}

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    for (size_t begin = 0; begin <= path.size();) {
        const size_t dot = std::min(path.find('.', begin), path.size());
        parts.emplace_back(path.substr(begin, dot - begin));
        begin = dot + 1;
    }
    return parts;
}

std::optional<size_t> list_index(const YamlNode& node, std::string_view part) {
    size_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (error != std::errc() || end != part.data() + part.size() || index >= node.items.size())
        return std::nullopt;
    return index;
}

// Returns the item of a list or section that one part of a path names; null if there is none.
const YamlNode* child(const YamlNode& node, const std::string& part) {
    if (node.kind != YamlNode::Kind::list) return node.find(part);
    const auto index = list_index(node, part);
    return index ? &node.items[*index] : nullptr;
}

} // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
    const auto found = std::find(keys.begin(), keys.end(), key);
    return found == keys.end() ? nullptr : &items[static_cast<size_t>(found - keys.begin())];
}

std::string YamlNode::described() const {
    switch (kind) {
    case Kind::nothing: return "nothing";
    case Kind::list: return "a list";
    case Kind::section: return "a section";
    case Kind::scalar:
        return quoted ? fmt::format("the quoted text \"{}\"", text) : fmt::format("'{}'", text);
    }
    return "nothing";
}

YamlNode read_yaml(const std::filesystem::path& path, Problems& problems) {
    YamlNode empty;
    empty.place = path.string();
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed)) {
        problems.add(path.string(), "",
                     std::filesystem::exists(path, failed) ? "is not a file"
                                                           : "no such sweep file");
        return empty;
    }
    return parse(read_file(path), path.string(), "", true, problems);
}

void apply_override(YamlNode& root, const std::string& override_text, Problems& problems) {
    const std::string place = "--set " + override_text;
    const size_t equals = override_text.find('=');
    if (equals == std::string::npos || equals == 0) {
        problems.add(place, "", "wanted key=value, such as --set classifier.epochs=20");
        return;
    }
    YamlNode* node = &root;
    for (const auto& part : split_path(std::string_view(override_text).substr(0, equals))) {
        YamlNode* next = const_cast<YamlNode*>(child(*node, part)); // safe: `root` is not const
        if (next == nullptr && node->kind == YamlNode::Kind::list) {
            problems.add(place, "",
                         fmt::format("there is no item {} in a list of {}; items count from 0",
                                     part, node->items.size()));
            return;
        }
        if (next == nullptr) {
            if (node->kind != YamlNode::Kind::section)
                *node = {YamlNode::Kind::section, node->place, {}, false, {}, {}, node->added};
            node->keys.push_back(part);
            next = &node->items.emplace_back();
            next->place = place;
            next->added = true;
        }
        node = next;
    }
    const bool added = node->added;
    *node = parse(override_text.substr(equals + 1), place, override_text.substr(0, equals), false,
                  problems);
    node->added = added;
}

const YamlNode* node_at(const YamlNode& root, std::string_view path) {
    const YamlNode* node = &root;
    for (const auto& part : split_path(path)) {
        if ((node = child(*node, part)) == nullptr) return nullptr;
    }
    return node;
}

const YamlNode& nearest_node(const YamlNode& root, std::string_view path) {
    const YamlNode* node = &root;
    for (const auto& part : split_path(path)) {
        const YamlNode* next = child(*node, part);
        if (next == nullptr) break;
        node = next;
    }
    return *node;
}

} // namespace dagan::sweeps
