// A synthetic handwriting set, so that a demonstration needs no download: each class is a program of one to four pen strokes,
// each image a new hand writing it. Black ink (0) on white (255), like Omniglot.
#pragma once

#include "data/dataset.h"

#include <cstdint>

namespace dagan::data {

struct StrokesOptions {
    int classes = 240;
    int per_class = 20;
    uint64_t seed = 2018;
    int size = 28; // H = W
};

// A function of the options alone: the first classes and images stay the same when more are asked for.
// Throws Blame::input when a number is out of range.
Dataset make_strokes(const StrokesOptions& options = {});

} // namespace dagan::data
