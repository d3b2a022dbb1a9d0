// The arithmetic of a gang's mean: ((m0 + m1) + m2 + ...) / n in float32, in the order of
// positions, wherever the members run. Each member computes one slice of it for all.
#pragma once

#include <cstddef>
#include <span>

namespace dagan::cluster {

// The floats [begin, begin + count) of an array.
struct Slice {
    size_t begin = 0, count = 0;
};

// Returns the slice of `count` floats that the member at `position` of `members` computes. The
// slices are disjoint, in the order of positions, and cover the array. They begin on cache lines
// counted from the array's start, so no two members write to the same line. A slice may be empty;
// none is longer than the first.
Slice slice_of(size_t count, int position, int members);

// Writes the mean of the first `count` floats of `members` to each of `means`. An array of
// `means` may be one of `members`; otherwise arrays do not overlap.
void write_mean(std::span<const float* const> members, std::span<float* const> means, size_t count);

} // namespace dagan::cluster
