#include "base/error.h"
#include "spec/selector_split.h"
#include "sweeps/check_sweep.h"
#include "sweeps/domains.h"
#include "sweeps/limits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace dagan::sweeps {

namespace {

constexpr int kSmallestImage = 16; // in pixels; the networks halve it four times
constexpr int kEmnistClasses = 47;

// The data sets that the rows need.
struct Uses {
    std::set<std::string> datasets; // all of them
    std::set<std::string> gans;     // those on which a DAGAN is trained
};

Uses uses_of(const Sweep& sweep) {
    Uses uses;
    for (const auto& row : sweep.sweep) {
        if (!sweep.datasets.contains(row.dataset)) continue;
        uses.datasets.insert(row.dataset);
        const auto& counts = row.generated_per_real;
        if (std::none_of(counts.begin(), counts.end(), [](int m) { return m > 0; })) continue;
        const std::string provider = gan_provider(sweep, row.dataset);
        if (!sweep.datasets.contains(provider)) continue;
        uses.datasets.insert(provider);
        uses.gans.insert(provider);
    }
    return uses;
}

std::string shown(const ClassRange& range) {
    return range.end == ClassRange::kToTheEnd ? fmt::format("[{}, end)", range.begin)
                                              : fmt::format("[{}, {})", range.begin, range.end);
}

class DatasetCheck {
  public:
    DatasetCheck(LoadedSweep& loaded, const Uses& uses, const std::string& name,
                 const DatasetLookup& lookup, MissingData missing, Findings& findings)
        : loaded_(loaded), uses_(uses), name_(name), options_(loaded.sweep.datasets.at(name)),
          path_("datasets." + name), lookup_(lookup), missing_(missing), findings_(findings) {}

    void run() {
        if (!check_name()) return;
        const auto report = [&](const std::string& at, const std::string& text) {
            findings_.report(at, text);
        };
        check_limits(options_.cases, path_ + ".cases", report);
        check_limits(options_.expect, path_ + ".expect", report);
        check_protocol();
        if (uses_.datasets.contains(name_)) check_file();
        if (options_.protocol != Protocol::balanced47) check_split();
    }

  private:
    bool trains_gan() const { return uses_.gans.contains(name_); }
    const KnownDataset* known() const {
        const auto found = loaded_.known.find(name_);
        return found == loaded_.known.end() ? nullptr : &found->second;
    }

    bool check_name() {
        if (findings_.added(path_)) {
            std::vector<std::string> others;
            for (const auto& [other, _] : loaded_.sweep.datasets) {
                if (other != name_) others.push_back(other);
            }
            const std::string meant = nearest(name_, others);
            findings_.report(path_,
                             fmt::format("the file has no data set '{}'{}", name_,
                                         meant.empty() ? "" : "; did you mean '" + meant + "'?"));
            return false;
        }
        if (name_.empty() || name_.find_first_of(". /=") != std::string::npos) {
            findings_.report(
                path_,
                fmt::format("'{}' cannot name a data set; wanted no dots, slashes, spaces or '='",
                            name_));
            return false;
        }
        return true;
    }

    void check_protocol() {
        if (options_.protocol != Protocol::balanced47) return;
        if (findings_.written(path_ + ".split")) {
            findings_.report(path_ + ".split", "has no meaning with protocol balanced47, which "
                                               "uses EMNIST's own split; leave it out");
        }
        if (trains_gan()) {
            findings_.report(path_ + ".gan",
                             "balanced47 leaves no classes to train a DAGAN on; name the data set "
                             "whose DAGAN to use, e.g. gan: omniglot");
        }
    }

    void check_file() {
        const std::string at = path_ + ".file";
        if (!findings_.valid(at)) return;
        std::optional<KnownDataset> found;
        try {
            found = lookup_(options_.file);
        } catch (const Error& error) {
            if (error.blame() != Blame::input) throw;
            findings_.report(at, error.what());
            return;
        }
        if (found) {
            check_expectation(found->shape);
        } else if (missing_ == MissingData::refuse) {
            findings_.report(at, fmt::format("{} is not in the data folder; make it with `dagan "
                                             "data`, or name the folder with --data or DAGAN_DATA",
                                             options_.file));
        } else if (!is_complete(options_.expect)) {
            findings_.report(
                at,
                fmt::format(
                    "{} is not in the data folder, and `expect` does not give its whole shape; "
                    "e.g. expect: {{classes: 1623, images_per_class: 20, channels: 1, size: 28}}",
                    options_.file));
        } else {
            found = KnownDataset{options_.expect, ""};
        }
        if (!found) return;
        loaded_.known[name_] = *found;
        check_shape(found->shape);
    }

    static bool is_complete(const DatasetShape& shape) {
        return shape.classes > 0 && shape.images_per_class > 0 && shape.channels > 0 &&
               shape.size > 0;
    }

    void check_expectation(const DatasetShape& actual) {
        std::vector<std::string> differences;
        const auto compare = [&](const char* what, int expected, int found) {
            if (expected != 0 && expected != found)
                differences.push_back(fmt::format("{} {} instead of {}", what, found, expected));
        };
        compare("classes", options_.expect.classes, actual.classes);
        compare("images_per_class", options_.expect.images_per_class, actual.images_per_class);
        compare("channels", options_.expect.channels, actual.channels);
        compare("size", options_.expect.size, actual.size);
        if (!differences.empty()) {
            findings_.report(path_ + ".expect",
                             fmt::format("{} has other values: {}", options_.file,
                                         fmt::join(differences, ", ")));
        }
    }

    void check_shape(const DatasetShape& shape) {
        if (shape.size < kSmallestImage) {
            findings_.report(
                path_ + ".file",
                fmt::format("images of {0}x{0} are too small for the networks; at least {1}x{1}",
                            shape.size, kSmallestImage));
        }
        if (options_.protocol == Protocol::balanced47 && shape.classes != kEmnistClasses) {
            findings_.report(path_ + ".protocol",
                             fmt::format("balanced47 is for EMNIST's {} classes; {} has {}",
                                         kEmnistClasses, options_.file, shape.classes));
        }
        const int shift = loaded_.sweep.classifier_options(name_).shift_px;
        if (shift >= shape.size) {
            const std::string section = loaded_.sweep.classifier_for.contains(name_)
                                            ? "classifier_for." + name_
                                            : "classifier";
            findings_.report(section + ".shift_px",
                             fmt::format("{} shifts the {}-pixel images of '{}' out of view", shift,
                                         shape.size, name_));
        }
    }

    void check_split() {
        struct Part {
            const char* name;
            const ClassRange& range;
            bool needed;
        };
        const bool source_needed = trains_gan() || gan_provider(loaded_.sweep, name_) == name_ ||
                                   loaded_.sweep.classifier_options(name_).softmax == Softmax::all;
        const Part parts[] = {{"source", options_.split.source, source_needed},
                              {"validation", options_.split.validation, true},
                              {"test", options_.split.test, true}};
        for (const auto& part : parts) check_range(part.name, part.range, part.needed);
        for (const auto& a : parts) {
            for (const auto& b : parts) {
                if (&a < &b) check_overlap(a.name, a.range, b.name, b.range);
            }
        }
    }

    std::string at_split(const std::string& part) const { return path_ + ".split." + part; }

    void check_range(const char* part, const ClassRange& range, bool needed) {
        const std::string at = at_split(part);
        if (!findings_.written(at)) {
            if (needed)
                findings_.report(
                    at, fmt::format("missing: the classes for {}, e.g. split: {{{}: [0, 100]}}",
                                    part, part));
            return;
        }
        const int classes = known() ? known()->shape.classes : 0;
        const int end = range.end == ClassRange::kToTheEnd && classes > 0 ? classes : range.end;
        if (range.begin < 0 || (range.end < 0 && range.end != ClassRange::kToTheEnd)) {
            findings_.report(
                at, fmt::format("{} is out of range; class positions count from 0", shown(range)));
        } else if (classes > 0 && (range.begin > classes || end > classes)) {
            findings_.report(at, fmt::format("{} ends beyond the {} classes of {}", shown(range),
                                             classes, options_.file));
        } else if (end != ClassRange::kToTheEnd && range.begin >= end) {
            findings_.report(at,
                             fmt::format("{} is empty{}", shown(range),
                                         range.begin == end ? "; the end is not included" : ""));
        }
    }

    void check_overlap(const char* a_name, const ClassRange& a, const char* b_name,
                       const ClassRange& b) {
        if (!findings_.written(at_split(a_name)) || !findings_.written(at_split(b_name)) ||
            !findings_.valid(at_split(a_name)))
            return;
        const auto end = [](const ClassRange& range) {
            return range.end == ClassRange::kToTheEnd ? INT32_MAX : range.end;
        };
        if (std::max(a.begin, b.begin) >= std::min(end(a), end(b))) return;
        findings_.report(at_split(b_name),
                         fmt::format("{} {} and {} {} overlap; each class belongs to one domain, "
                                     "and the end of a range is not included",
                                     b_name, shown(b), a_name, shown(a)));
    }

    LoadedSweep& loaded_;
    const Uses& uses_;
    const std::string& name_;
    const DatasetOptions& options_;
    std::string path_;
    const DatasetLookup& lookup_;
    MissingData missing_;
    Findings& findings_;
};

std::vector<std::string> names_of(const Sweep& sweep) {
    std::vector<std::string> names;
    for (const auto& [name, _] : sweep.datasets) names.push_back(name);
    return names;
}

void check_reference(const Sweep& sweep, const std::string& name, const std::string& path,
                     Findings& findings) {
    if (sweep.datasets.contains(name)) return;
    const auto names = names_of(sweep);
    const std::string meant = nearest(name, names);
    findings.report(path, meant.empty() ? fmt::format("unknown data set '{}'; known are: {}", name,
                                                      fmt::join(names, ", "))
                                        : fmt::format("unknown data set '{}'; did you mean '{}'?",
                                                      name, meant));
}

// `gan: other` must name a data set that has its own DAGAN and images of the same shape.
void check_provider(const LoadedSweep& loaded, const std::string& name, Findings& findings) {
    const std::string provider = gan_provider(loaded.sweep, name);
    const std::string path = "datasets." + name + ".gan";
    if (provider == name) return;
    check_reference(loaded.sweep, provider, path, findings);
    if (!findings.valid(path)) return;
    if (gan_provider(loaded.sweep, provider) != provider) {
        findings.report(
            path, fmt::format("'{}' has no DAGAN of its own; name the data set that trains one",
                              provider));
    }
    const auto own = loaded.known.find(name), other = loaded.known.find(provider);
    if (own == loaded.known.end() || other == loaded.known.end()) return;
    const DatasetShape &a = own->second.shape, &b = other->second.shape;
    if (a.size != b.size || a.channels != b.channels) {
        findings.report(path, fmt::format("the DAGAN of '{0}' makes images of {1}x{1}x{2}, but "
                                          "those of '{3}' are {4}x{4}x{5}",
                                          provider, b.size, b.channels, name, a.size, a.channels));
    }
}

// Checks that the data set suffices to train and select a DAGAN.
void check_gan_data(const LoadedSweep& loaded, const std::string& name, Findings& findings) {
    const auto found = loaded.known.find(name);
    const std::string split = "datasets." + name + ".split";
    if (found == loaded.known.end() || !findings.valid(split)) return;
    const DatasetShape& shape = found->second.shape;
    const DatasetOptions& dataset = loaded.sweep.datasets.at(name);
    if (dataset.protocol == Protocol::balanced47)
        return; // check_protocol reports that it cannot train a DAGAN
    const GanOptions& gan = loaded.sweep.gan_options(name);
    const std::string options = loaded.sweep.gan_for.contains(name) ? "gan_for." + name : "gan";
    const int source = size_of(dataset.split.source, shape.classes);
    if (gan.limit_classes > source) {
        findings.report(
            options + ".limit_classes",
            fmt::format("{}: '{}' has only {} source classes", gan.limit_classes, name, source));
    }
    if (gan.pairs == Pairs::distinct && shape.images_per_class < 2) {
        findings.report(
            options + ".pairs",
            fmt::format("distinct pairs need 2 images per class; a class of '{}' has {}", name,
                        shape.images_per_class));
    }
    if (gan.select != Select::classifier || !findings.valid(options + ".selector_train")) return;
    const bool on_source = gan.selector_classes == SelectorClasses::source;
    const int classes = on_source ? source : size_of(dataset.split.validation, shape.classes);
    if (classes < 2) {
        findings.report(split + (on_source ? ".source" : ".validation"),
                        fmt::format("{} class is too few for the classifier that selects the "
                                    "DAGAN; at least 2, or gan.select: critic_loss",
                                    classes));
    }
    const int training = selector_training_images(gan.selector_train, shape.images_per_class);
    if (training < 1 || training >= shape.images_per_class) {
        findings.report(
            options + ".selector_train",
            fmt::format(
                "{}: {} of the {} images of the smallest class would train the selector, and the "
                "rest would be its conditions; each needs at least one; e.g. the share 0.75",
                gan.selector_train, training, shape.images_per_class));
    }
}

} // namespace

void check_datasets(LoadedSweep& loaded, const DatasetLookup& lookup, MissingData missing,
                    Findings& findings) {
    const Sweep& sweep = loaded.sweep;
    if (sweep.datasets.empty()) findings.report("datasets", "no data set is given");
    const Uses uses = uses_of(sweep);
    for (const auto& [name, _] : sweep.datasets)
        DatasetCheck(loaded, uses, name, lookup, missing, findings).run();
    for (const auto& [name, _] : sweep.datasets) check_provider(loaded, name, findings);
    for (const auto& name : uses.gans) check_gan_data(loaded, name, findings);
    for (const auto& [name, _] : sweep.gan_for)
        check_reference(sweep, name, "gan_for." + name, findings);
    for (const auto& [name, _] : sweep.classifier_for)
        check_reference(sweep, name, "classifier_for." + name, findings);
}

} // namespace dagan::sweeps
