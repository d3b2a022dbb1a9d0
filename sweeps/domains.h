// Sizes that follow from a data set's options and shape: classes of its domains, of a softmax, images that train a selector.
#pragma once

#include "spec/sweep.h"

#include <cmath>
#include <string>

namespace dagan::sweeps {

// The data set whose DAGAN augments `dataset`: another one's when `gan:` says so, else its own. `dataset` must exist.
inline std::string gan_provider(const Sweep& sweep, const std::string& dataset) {
    const std::string& named = sweep.datasets.at(dataset).gan;
    return named.empty() ? dataset : named;
}

// Classes in a range of a data set of `classes` classes.
inline int size_of(const ClassRange& range, int classes) {
    return (range.end == ClassRange::kToTheEnd ? classes : range.end) - range.begin;
}

// Of `images` per class, those that train the selector: `selector_train` is a share below 1, or a count.
inline int selector_training_images(double selector_train, int images) {
    return static_cast<int>(selector_train < 1 ? std::lround(selector_train * images)
                                               : std::lround(selector_train));
}

// Classes of the softmax (dagan.md section 9).
inline int softmax_classes(const DatasetOptions& options, int classes, Softmax softmax) {
    if (options.protocol == Protocol::balanced47) return classes;
    const int test = size_of(options.split.test, classes),
              validation = size_of(options.split.validation, classes);
    if (softmax == Softmax::target) return test;
    if (softmax == Softmax::held_out) return validation + test;
    return size_of(options.split.source, classes) + validation + test;
}

} // namespace dagan::sweeps
