#include "data/roles.h"

#include "base/error.h"
#include "base/random.h"
#include "spec/selector_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace dagan::data {

namespace {
const ClassRange& range_of(const DatasetRef& ref, Domain domain) {
    switch (domain) {
    case Domain::source: return ref.options.split.source;
    case Domain::validation: return ref.options.split.validation;
    case Domain::test: return ref.options.split.test;
    }
    throw Error(Blame::bug, "unknown domain");
}

// Returns a class's images in the order in which roles take them: one permutation per class and
// stream.
std::vector<int> permuted(std::vector<int> images, uint64_t stream, const char* purpose,
                          int label) {
    const std::vector<int> order = Random(derive(stream, purpose), 0, static_cast<uint32_t>(label))
                                       .permutation(static_cast<int>(images.size()));
    std::vector<int> out;
    out.reserve(images.size());
    for (const int position : order) out.push_back(images[static_cast<size_t>(position)]);
    return out;
}

std::vector<int> images_of(const Dataset& data, int label) {
    std::vector<int> images(static_cast<size_t>(data.count_of(label)));
    for (size_t i = 0; i < images.size(); ++i)
        images[i] = data.first_of(label) + static_cast<int>(i);
    return images;
}

// Returns the images that the official split marks as train (0) or test (1).
std::vector<int> official_images_of(const Dataset& data, int label, uint8_t mark) {
    std::vector<int> images;
    for (const int image : images_of(data, label)) {
        if (data.official_split()[static_cast<size_t>(image)] == mark) images.push_back(image);
    }
    return images;
}

void check_enough(const Dataset& data, const DatasetRef& ref, int label, size_t has, int test,
                  int samples, const char* kind) {
    const int validation = ref.options.cases.validation;
    const int needs = test + validation + samples;
    if (static_cast<int>(has) >= needs) return;
    throw input_error(fmt::format("datasets.{}: class '{}' has {} {}: {} samples per class, {} "
                                  "test and {} validation cases need {}; "
                                  "hint: lower samples_per_class or cases",
                                  ref.name, data.class_name(label), has, kind, samples, test,
                                  validation, needs));
}

void append(std::vector<Case>& cases, std::span<const int> images, int position) {
    for (const int image : images) cases.push_back({image, position});
}

// Removes the first `count` images of `rest` and returns them.
std::span<const int> take(std::span<const int>& rest, int count) {
    const auto taken = rest.first(static_cast<size_t>(count));
    rest = rest.subspan(taken.size());
    return taken;
}

// One class of the softmax, with the roles of its domain.
struct Member {
    int label;
    bool validates, tests;
};

std::vector<Member> members_of(const DatasetRef& ref, int classes, Softmax softmax) {
    std::vector<Member> members;
    const auto add = [&](Domain domain, bool validates, bool tests) {
        for (const int label : classes_of(ref, classes, domain))
            members.push_back({label, validates, tests});
    };
    if (softmax == Softmax::all) add(Domain::source, false, false);
    if (softmax != Softmax::target) add(Domain::validation, true, false);
    add(Domain::test, softmax == Softmax::target, true);
    return members;
}

// Protocols split and literal: test, validation and training cases from one permutation
// (docs/reference/model.md, eq. (38)).
ClassifierCases draw_split(const Dataset& data, const DatasetRef& ref, Softmax softmax, int samples,
                           uint64_t stream) {
    ClassifierCases cases;
    for (const Member& member : members_of(ref, data.info().classes, softmax)) {
        const std::vector<int> images =
            permuted(images_of(data, member.label), stream, "cases", member.label);
        check_enough(data, ref, member.label, images.size(), ref.options.cases.test, samples,
                     "images");
        std::span<const int> rest = images;
        const auto test = take(rest, ref.options.cases.test);
        const auto validation = take(rest, ref.options.cases.validation);
        append(cases.training, take(rest, samples), cases.classes);
        if (member.validates) append(cases.validation, validation, cases.classes);
        if (member.tests) append(cases.test, test, cases.classes);
        ++cases.classes;
    }
    return cases;
}

// Protocol balanced47: validation and training cases from the official train split; all of the
// official test split is tested.
ClassifierCases draw_official(const Dataset& data, const DatasetRef& ref, int samples,
                              uint64_t stream) {
    if (data.official_split().empty()) {
        throw input_error(
            "datasets." + ref.name +
            ": protocol balanced47 needs a data set with an official split, but the file has no "
            "/official_split; hint: use protocol: split, or import EMNIST from its four files");
    }
    ClassifierCases cases;
    for (int label = 0; label < data.info().classes; ++label) {
        const std::vector<int> images =
            permuted(official_images_of(data, label, 0), stream, "cases", label);
        check_enough(data, ref, label, images.size(), 0, samples, "images in the train split");
        std::span<const int> rest = images;
        append(cases.validation, take(rest, ref.options.cases.validation), label);
        append(cases.training, take(rest, samples), label);
        append(cases.test, official_images_of(data, label, 1), label);
    }
    cases.classes = data.info().classes;
    return cases;
}
} // namespace

std::vector<int> classes_of(const DatasetRef& ref, int classes, Domain domain) {
    ClassRange range = range_of(ref, domain);
    if (range.end == ClassRange::kToTheEnd) range.end = classes;
    if (range.begin < 0 || range.begin >= range.end || range.end > classes) {
        throw input_error(fmt::format(
            "datasets.{}.split.{}: [{}, {}) is not a range of the data set's {} classes", ref.name,
            to_string(domain), range.begin, range.end, classes));
    }
    std::vector<int> labels;
    const bool shuffled = ref.options.class_order == ClassOrder::shuffled;
    const std::vector<int> order =
        shuffled ? Random(derive(ref.split_stream, "classes")).permutation(classes)
                 : std::vector<int>{};
    for (int position = range.begin; position < range.end; ++position) {
        labels.push_back(shuffled ? order[static_cast<size_t>(position)] : position);
    }
    return labels;
}

ClassifierCases draw_cases(const Dataset& data, const DatasetRef& ref, Softmax softmax,
                           int samples_per_class, uint64_t stream) {
    require(samples_per_class > 0, "samples_per_class is above 0");
    if (ref.options.protocol == Protocol::balanced47)
        return draw_official(data, ref, samples_per_class, stream);
    return draw_split(data, ref, softmax, samples_per_class, stream);
}

SelectorCases draw_selector_cases(const Dataset& data, const DatasetRef& ref,
                                  SelectorClasses classes, double train_share, uint64_t stream) {
    const Domain domain =
        classes == SelectorClasses::validation ? Domain::validation : Domain::source;
    SelectorCases cases;
    for (const int label : classes_of(ref, data.info().classes, domain)) {
        const std::vector<int> images =
            permuted(images_of(data, label), stream, "selector cases", label);
        const auto count = static_cast<int>(images.size());
        if (count < 2) {
            throw input_error(
                "datasets." + ref.name + ": class '" + data.class_name(label) +
                "' has one image; the selector needs one to train and one as a condition");
        }
        const int train = std::clamp(selector_training_images(train_share, count), 1, count - 1);
        std::span<const int> rest = images;
        append(cases.training, take(rest, train), cases.classes);
        append(cases.conditions, rest, cases.classes);
        ++cases.classes;
    }
    return cases;
}

} // namespace dagan::data
