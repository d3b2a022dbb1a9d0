// Makes a synthetic handwriting set, so that a demonstration needs no download. Each class is a
// program of one to four pen strokes; each image is that program written by another hand. Black ink
// (0) on white (255), as in Omniglot.
#pragma once

#include "data/dataset.h"

#include <cstdint>

namespace dagan::data {

struct StrokesOptions {
    // 1 .. 10000.
    int classes = 240;
    // Images per class, 1 .. 10000.
    int per_class = 20;
    uint64_t seed = 2018;
    // Height and width, 8 .. 256.
    int size = 28;
};

// Returns a set that is a function of the options alone. Larger sets of the same seed and size
// begin with the same classes and images. Throws Blame::input if a number is out of range.
Dataset make_strokes(const StrokesOptions& options = {});

} // namespace dagan::data
