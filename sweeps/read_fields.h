// Fills a struct that lists its fields (spec/fields.h) from a YAML tree, and says of every key that is unknown, missing or of the
// wrong type where it is and what was wanted. One reader for all options, so a new field needs no code here.
#pragma once

#include "base/error.h"
#include "spec/sweep.h"
#include "sweeps/problems.h"
#include "sweeps/yaml_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <type_traits>

namespace dagan::sweeps {

// Keys without which a section has no meaning; all others have defaults.
template <class T> std::vector<std::string> required_keys() { return {}; }
template <> inline std::vector<std::string> required_keys<Sweep>() {
    return {"name", "seed", "datasets", "sweep"};
}
template <> inline std::vector<std::string> required_keys<DatasetOptions>() { return {"file"}; }
template <> inline std::vector<std::string> required_keys<SweepRow>() {
    return {"dataset", "samples_per_class", "generated_per_real"};
}

// Reading one value from a scalar or a list of scalars. Each returns "" or what was wanted, e.g. "a whole number such as 5",
// taking its example from the value that is there (the default).
std::string read_value(const YamlNode& node, int& value);
std::string read_value(const YamlNode& node, int64_t& value);
std::string read_value(const YamlNode& node, uint64_t& value);
std::string read_value(const YamlNode& node, double& value);
std::string read_value(const YamlNode& node, bool& value);
std::string read_value(const YamlNode& node, std::string& value);
std::string read_value(const YamlNode& node, std::array<int, 4>& value);
std::string read_value(const YamlNode& node,
                       std::vector<int>& value); // a number, a list, or 0..10 (both ends included)
std::string read_value(const YamlNode& node, ClassRange& value); // [0, 1200], [2300, end]

template <NamedEnum E> std::string read_value(const YamlNode& node, E& value) {
    const auto found = node.kind == YamlNode::Kind::scalar ? enum_from<E>(node.text) : std::nullopt;
    if (found) {
        value = *found;
        return "";
    }
    const auto names = split_names(enum_list(E{}));
    const std::string meant = nearest(node.text, names);
    return fmt::format("one of {}{}", fmt::join(names, ", "),
                       meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
}

template <class T>
concept IsSection = HasFields<T> && !std::is_same_v<T, ClassRange>;

class FieldReader {
  public:
    explicit FieldReader(Problems& problems) : problems_(problems) {}

    template <class T>
    requires(!IsSection<T>) void read(const YamlNode& node, const std::string& path, T& value) {
        const std::string wanted = read_value(node, value);
        if (wanted.empty() || problems_.touch(path)) return;
        problems_.add(node.place, path,
                      fmt::format("{}: got {}, wanted {}", path, node.described(), wanted));
    }

    template <IsSection T> void read(const YamlNode& node, const std::string& path, T& value) {
        if (!is_section(node, path)) return;
        std::vector<std::string> known;
        T::fields(value, [&](const char* name, auto& field, const char*) {
            known.emplace_back(name);
            if (const YamlNode* found = node.find(name)) read(*found, below(path, name), field);
        });
        refuse_unknown(node, path, known);
        T::fields(value, [&](const char* name, const auto&, const char* help) {
            const auto required = required_keys<T>();
            if (std::find(required.begin(), required.end(), name) == required.end() ||
                node.find(name) != nullptr)
                return;
            if (problems_.touch(below(path, name))) return; // misspelt, and said so
            problems_.add(node.place, below(path, name),
                          fmt::format("missing key '{}'{}: {}", name, in(path), help));
        });
    }

    template <class T>
    void read(const YamlNode& node, const std::string& path, std::map<std::string, T>& values) {
        if (!is_section(node, path)) return;
        for (size_t i = 0; i < node.keys.size(); ++i)
            read(node.items[i], below(path, node.keys[i]), values[node.keys[i]]);
    }

    void read(const YamlNode& node, const std::string& path, std::vector<SweepRow>& rows) {
        if (node.kind != YamlNode::Kind::list) {
            problems_.add(node.place, path,
                          fmt::format("{}: got {}, wanted a list of rows", path, node.described()));
            return;
        }
        for (size_t i = 0; i < node.items.size(); ++i)
            read(node.items[i], below(path, std::to_string(i)), rows.emplace_back());
    }

  private:
    static std::string below(const std::string& path, const std::string& name) {
        return path.empty() ? name : path + "." + name;
    }
    static std::string in(const std::string& path) {
        return path.empty() ? "" : " in '" + path + "'";
    }

    // An empty section (`gan:`) is one without changes.
    bool is_section(const YamlNode& node, const std::string& path) {
        if (node.kind == YamlNode::Kind::section || node.kind == YamlNode::Kind::nothing)
            return true;
        problems_.add(node.place, path,
                      fmt::format("{}: got {}, wanted keys and values",
                                  path.empty() ? "the file" : path, node.described()));
        return false;
    }

    void refuse_unknown(const YamlNode& node, const std::string& path,
                        const std::vector<std::string>& known) {
        for (size_t i = 0; i < node.keys.size(); ++i) {
            const std::string& key = node.keys[i];
            if (std::find(known.begin(), known.end(), key) != known.end()) continue;
            const std::string meant = nearest(key, known);
            if (!meant.empty()) problems_.mark(below(path, meant));
            problems_.add(node.items[i].place, below(path, key),
                          fmt::format("unknown key '{}'{}; {}", key, in(path),
                                      meant.empty()
                                          ? fmt::format("known are: {}", fmt::join(known, ", "))
                                          : fmt::format("did you mean '{}'?", meant)));
        }
    }

    Problems& problems_;
};

} // namespace dagan::sweeps
