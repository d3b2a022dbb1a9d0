// Sizes that follow from a data set's options and shape: classes of its domains and of a softmax.
#pragma once

#include "spec/sweep.h"

#include <string>

namespace dagan::sweeps {

// Returns the data set whose DAGAN augments `dataset`: the one that `gan:` names, otherwise its
// own. `dataset` must be in the sweep.
inline std::string gan_provider(const Sweep& sweep, const std::string& dataset) {
    const std::string& named = sweep.datasets.at(dataset).gan;
    return named.empty() ? dataset : named;
}

// Returns the number of classes in a range of a data set with `classes` classes.
inline int size_of(const ClassRange& range, int classes) {
    return (range.end == ClassRange::kToTheEnd ? classes : range.end) - range.begin;
}

// Returns the number of classes of the softmax (docs/reference/model.md, "Protocol").
inline int softmax_classes(const DatasetOptions& options, int classes, Softmax softmax) {
    if (options.protocol == Protocol::balanced47) return classes;
    const int test = size_of(options.split.test, classes),
              validation = size_of(options.split.validation, classes);
    if (softmax == Softmax::target) return test;
    if (softmax == Softmax::held_out) return validation + test;
    return size_of(options.split.source, classes) + validation + test;
}

} // namespace dagan::sweeps
