// Decides which image has which role (docs/reference/model.md, "Protocol" and eq. (38)): the
// domains of classes, and the test, validation and training cases of a (data set, seed). Nothing
// else does.
//
// Everything is a function of the DatasetRef and a stream. Training cases are nested in n; all
// cases are equal for all m. No image has two roles.
#pragma once

#include "data/dataset.h"
#include "spec/task.h"

#include <vector>

namespace dagan::data {

DAGAN_ENUM(Domain, source, validation, test)

// Returns the class ids of a domain in the order of their positions. `classes`: number of classes
// of the data set. Throws Blame::input if the domain's range is empty or exceeds them.
std::vector<int> classes_of(const DatasetRef& ref, int classes, Domain domain);

struct Case {
    int image = 0; // index in the data set
    int label = 0; // position in the softmax
    bool operator==(const Case&) const = default;
};

struct ClassifierCases {
    // K, the size of the softmax.
    int classes = 0;
    // n per class, classes in softmax order.
    std::vector<Case> training;
    // The cases by which the epoch and m are chosen.
    std::vector<Case> validation;
    // The reported cases.
    std::vector<Case> test;
};

// Draws the cases of one (data set, seed) with samples_per_class (n >= 1) training images per
// class.
//
// `softmax`   classes, in this order      validation cases of   test cases of
// all         source, validation, test    validation classes    test classes
// held_out    validation, test            validation classes    test classes
// target      test                        test classes          test classes
//
// Protocol balanced47 takes all classes for any `softmax` and needs data.official_split(); literal
// is drawn like split. `stream`: of the seed. Throws Blame::input naming a class with too few
// images.
ClassifierCases draw_cases(const Dataset& data, const DatasetRef& ref, Softmax softmax,
                           int samples_per_class, uint64_t stream);

struct SelectorCases {
    int classes = 0;
    std::vector<Case> training;
    // Images that the DAGAN is conditioned on when the selector scores it.
    std::vector<Case> conditions;
};

// Divides each class of the selector's domain into training images and conditions, at least one of
// each. `train_share`: share of a class that trains the selector, in (0, 1).
// Throws Blame::input naming a class with one image.
SelectorCases draw_selector_cases(const Dataset& data, const DatasetRef& ref,
                                  SelectorClasses classes, double train_share, uint64_t stream);

} // namespace dagan::data
