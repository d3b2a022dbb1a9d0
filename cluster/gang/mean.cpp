#include "cluster/gang/mean.h"

#include "base/error.h"

#include <algorithm>

namespace dagan::cluster {

namespace {
constexpr size_t kLine = 64 / sizeof(float); // floats of a cache line
// Floats per block: the sums stay in the first-level cache, and the members' blocks stay in the
// second-level cache until the mean is written to them.
constexpr size_t kBlock = 4096;

void copy(const float* __restrict from, float* __restrict to, size_t count) {
    for (size_t i = 0; i < count; ++i) to[i] = from[i];
}
void add(const float* __restrict terms, float* __restrict sums, size_t count) {
    for (size_t i = 0; i < count; ++i) sums[i] += terms[i];
}
void divide(float* sums, float by, size_t count) {
    for (size_t i = 0; i < count; ++i) sums[i] /= by;
}
} // namespace

Slice slice_of(size_t count, int position, int members) {
    const auto index = static_cast<size_t>(position), n = static_cast<size_t>(members);
    const size_t share = ((count + n - 1) / n + kLine - 1) / kLine * kLine;
    const size_t begin = std::min(count, index * share);
    return {begin, std::min(count - begin, share)};
}

void write_mean(std::span<const float* const> members, std::span<float* const> means,
                size_t count) {
    require(!members.empty(), "a mean is over one member or more");
    alignas(64) float sums[kBlock];
    for (size_t begin = 0; begin < count; begin += kBlock) {
        const size_t block = std::min(kBlock, count - begin);
        copy(members.front() + begin, sums, block);
        for (const float* member : members.subspan(1)) add(member + begin, sums, block);
        divide(sums, static_cast<float>(members.size()), block);
        for (float* mean : means) copy(sums, mean + begin, block);
    }
}

} // namespace dagan::cluster
