// Which image plays which part (dagan.md sections 8 and 9): domains of classes, and the test, validation and training cases of
// a (data set, seed). All a function of the DatasetRef and a stream; nested in n, equal for all m.
#pragma once

#include "data/dataset.h"
#include "spec/task.h"

#include <vector>

namespace dagan::data {

DAGAN_ENUM(Domain, source, validation, test)

// Class ids of a domain, in the order of their positions. Throws Blame::input when a range exceeds the classes.
std::vector<int> classes_of(const DatasetRef& ref, int classes, Domain domain);

struct Case {
    int image = 0; // index in the data set
    int label = 0; // position in the softmax
    bool operator==(const Case&) const = default;
};

struct ClassifierCases {
    int classes = 0;              // K of the softmax
    std::vector<Case> training;   // n per class, classes in softmax order
    std::vector<Case> validation; // only those that count for choosing
    std::vector<Case> test;       // only those that are reported
};

// The softmax holds, in this order: all = source, validation, test classes; held_out = validation, test; target = test.
// Validation cases are those of the validation classes (target: of the test classes), test cases those of the test classes.
// balanced47 holds all classes whatever `softmax` says, and needs data.official_split(); literal is the split protocol.
// Cases of one (data set, seed) with n training images per class. Throws Blame::input naming a class that has too few images.
ClassifierCases draw_cases(const Dataset& data, const DatasetRef& ref, Softmax softmax,
                           int samples_per_class, uint64_t stream);

// The selector's: each class of the domain split by `train_share` into images that train it and images that are conditions.
struct SelectorCases {
    int classes = 0;
    std::vector<Case> training;
    std::vector<Case> conditions;
};
SelectorCases draw_selector_cases(const Dataset& data, const DatasetRef& ref,
                                  SelectorClasses classes, double train_share, uint64_t stream);

} // namespace dagan::data
