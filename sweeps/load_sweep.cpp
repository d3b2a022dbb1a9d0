#include "sweeps/load_sweep.h"

#include "base/error.h"
#include "sweeps/check_sweep.h"
#include "sweeps/read_fields.h"
#include "sweeps/yaml_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace dagan::sweeps {

namespace {

// Sets the options of single data sets to the general ones with the file's changes. Problems in
// them were reported when the sweep was read.
template <class T>
void overlay(std::map<std::string, T>& overlays, const T& base, const YamlNode& root,
             const std::string& section) {
    Problems known;
    for (auto& [dataset, options] : overlays) {
        options = base;
        FieldReader(known).read(nearest_node(root, section + "." + dataset),
                                section + "." + dataset, options);
    }
}

// The contents of the file: the sweep and the place of its results.
struct SweepFile {
    Sweep sweep;
    std::string store;

    static constexpr std::array kRequired = Sweep::kRequired;
    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        Sweep::fields(self.sweep, visit);
        visit("store", self.store,
              "PostgreSQL database for the results (default: a file in the campaign's folder)");
    }
};

// A password must not be in the URL: the campaign's folder keeps the URL, and others may read it.
bool has_password(const std::string& url) {
    const size_t host = url.find("://") + 3, at = url.find('@', host);
    const bool before_host =
        at != std::string::npos && url.find(':', host) < at && at < url.find('/', host);
    return before_host || url.find("password=") != std::string::npos;
}

void check_store(const std::string& store, Findings& findings) {
    if (store.empty()) return;
    if (!store.starts_with("postgresql://") && !store.starts_with("postgres://")) {
        findings.report(
            "store",
            fmt::format(
                "got '{}', wanted a PostgreSQL database such as postgresql://user@host/database; "
                "without this key the results go to a file in the campaign's folder",
                store));
    } else if (has_password(store)) {
        findings.report(
            "store",
            "contains a password, which the campaign's folder would store in clear text; hint: put "
            "it into ~/.pgpass (host:port:database:user:password, mode 600) and leave it out here");
    }
}

// A range that the file leaves out contains no class.
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

LoadedSweep load_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                       const DatasetLookup& lookup, MissingData missing) {
    Problems problems;
    YamlNode root = read_yaml(path, problems);
    if (!problems.empty() && root.kind == YamlNode::Kind::nothing)
        refuse(problems); // the file could not be read
    for (const auto& text : overrides) apply_override(root, text, problems);

    LoadedSweep loaded;
    SweepFile file;
    FieldReader(problems).read(root, "", file);
    loaded.sweep = std::move(file.sweep);
    loaded.store = std::move(file.store);
    if (root.kind == YamlNode::Kind::list || root.kind == YamlNode::Kind::scalar)
        refuse(problems); // not a sweep
    overlay(loaded.sweep.gan_for, loaded.sweep.gan, root, "gan_for");
    overlay(loaded.sweep.classifier_for, loaded.sweep.classifier, root, "classifier_for");

    Findings findings(root, problems);
    empty_unwritten_ranges(loaded.sweep, findings);
    check_store(loaded.store, findings);
    check_options(loaded.sweep, findings);
    check_datasets(loaded, lookup, missing, findings);
    check_rows(loaded, findings);
    if (!problems.empty()) refuse(problems);
    return loaded;
}

} // namespace dagan::sweeps
