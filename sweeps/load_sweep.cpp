#include "sweeps/load_sweep.h"

#include "base/error.h"
#include "sweeps/check_sweep.h"
#include "sweeps/read_fields.h"
#include "sweeps/yaml_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dagan {

namespace {

// The options of single data sets are the general ones with the file's changes on top. What is wrong in them was reported when
// the sweep was read.
template <class T>
void overlay(std::map<std::string, T>& overlays, const T& base, const YamlNode& root, const std::string& section) {
    Problems reported_already;
    for (auto& [dataset, options] : overlays) {
        options = base;
        FieldReader(reported_already).read(nearest_node(root, section + "." + dataset), section + "." + dataset, options);
    }
}

// A range that the file leaves out holds no class.
void empty_unwritten_ranges(Sweep& sweep, const Findings& findings) {
    for (auto& [name, dataset] : sweep.datasets) {
        Split::fields(dataset.split, [&](const char* part, ClassRange& range, const char*) {
            if (!findings.written("datasets." + name + ".split." + part)) range = {0, 0};
        });
    }
}

[[noreturn]] void refuse(const Problems& problems) {
    throw Error(Blame::input, fmt::format("{}", fmt::join(problems.lines(), "\n")));
}

} // namespace

LoadedSweep load_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides, const DatasetLookup& lookup,
                       MissingData missing) {
    Problems problems;
    YamlNode root = read_yaml(path, problems);
    if (!problems.empty() && root.kind == YamlNode::Kind::nothing) refuse(problems); // nothing could be read
    for (const auto& text : overrides) apply_override(root, text, problems);

    LoadedSweep loaded;
    FieldReader(problems).read(root, "", loaded.sweep);
    if (root.kind == YamlNode::Kind::list || root.kind == YamlNode::Kind::scalar) refuse(problems); // no sweep at all
    overlay(loaded.sweep.gan_for, loaded.sweep.gan, root, "gan_for");
    overlay(loaded.sweep.classifier_for, loaded.sweep.classifier, root, "classifier_for");

    Findings findings(root, problems);
    empty_unwritten_ranges(loaded.sweep, findings);
    check_options(loaded.sweep, findings);
    check_datasets(loaded, lookup, missing, findings);
    check_rows(loaded, findings);
    if (!problems.empty()) refuse(problems);
    return loaded;
}

} // namespace dagan
