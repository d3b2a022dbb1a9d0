// The arithmetic of a gang's mean, in one order wherever its members run: ((m0 + m1) + m2 + ...) / n by their positions. Each
// member sums a slice of its own for all.
#pragma once

#include <cstddef>
#include <span>

namespace dagan::cluster {

// Floats [begin, begin + count) of an array.
struct Slice {
    size_t begin = 0, count = 0;
};

// The slice of `count` floats that falls to the member at `position` of `members`: contiguous in the order of positions, all of
// them together the whole; boundaries on cache lines, counted from the array's start, so that members do not write to one. May be
// empty; none is longer than the first.
Slice slice_of(size_t count, int position, int members);

// Writes the mean of the members' floats [0, count) to each of `means`. A member's array may be one of them; else they overlap
// nowhere.
void write_mean(std::span<const float* const> members, std::span<float* const> means, size_t count);

} // namespace dagan::cluster
