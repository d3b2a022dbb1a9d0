// Fills a struct that lists its fields (spec/fields.h) from a YAML tree, and reports every key that
// is unknown, missing or of the wrong type, with its place and what is wanted. Ranges are not
// checked here (limits.h). A new field of a struct needs no code here.
//
// A struct names the keys without which it has no meaning in a static member `kRequired`, an array
// of names; all other keys have defaults.
//
//     Problems problems;
//     Sweep sweep;
//     FieldReader(problems).read(read_yaml(path, problems), "", sweep);
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

// Read one value from a scalar or a list. Return "", or what is wanted, such as "a whole number
// such as 5"; the example is the value before the call, which is the default.
std::string read_value(const YamlNode& node, int& value);
std::string read_value(const YamlNode& node, int64_t& value);
std::string read_value(const YamlNode& node, uint64_t& value);
std::string read_value(const YamlNode& node, double& value);
std::string read_value(const YamlNode& node, bool& value);
std::string read_value(const YamlNode& node, std::string& value);
std::string read_value(const YamlNode& node, std::array<int, 4>& value);
// A number, a list of numbers, or a range 0..10 with both ends included.
std::string read_value(const YamlNode& node, std::vector<int>& value);
// A list of texts, quoted or not; it may be empty.
std::string read_value(const YamlNode& node, std::vector<std::string>& value);
// [0, 1200] or [2300, end].
std::string read_value(const YamlNode& node, ClassRange& value);

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
    // Problems are added to `problems`, which must outlive the reader.
    explicit FieldReader(Problems& problems) : problems_(problems) {}

    // Reads `value` from `node`. `path` is the path of its key ("gan.batch_size"), "" for the file.
    // A field whose key is absent is unchanged.
    template <class T>
    requires(!IsSection<T>) void read(const YamlNode& node, const std::string& path, T& value) {
        const std::string wanted = read_value(node, value);
        if (wanted.empty() || problems_.affect(path)) return;
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
            if (!is_required<T>(name) || node.find(name) != nullptr) return;
            if (problems_.affect(below(path, name))) return; // reported as a misspelt key
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

    template <class T> static bool is_required(std::string_view name) {
        if constexpr (requires { T::kRequired; }) {
            return std::find(T::kRequired.begin(), T::kRequired.end(), name) != T::kRequired.end();
        } else {
            return false;
        }
    }

    // An empty section (`gan:`) changes nothing.
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
