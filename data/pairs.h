// Samples pairs of images of one class, the DAGAN's training material (docs/reference/model.md,
// eq. (25)). A pair is a function of (stream, step, index) alone, so the members of a gang can take
// any slices of a step's batch.
//
//     const PairSampler sampler(data, classes, Pairs::with_replacement, true, stream);
//     sampler.fill(step, first, count, conditions, targets);  // this member's slice
#pragma once

#include "data/dataset.h"
#include "spec/sweep.h"

#include <cstdint>
#include <span>
#include <vector>

namespace dagan::data {

class PairSampler {
  public:
    // `data` must outlive the sampler. `classes`: labels of `data`. `rotate`: see Pair.
    // Throws Blame::input if `classes` is empty, or for Pairs::distinct if a class has one image.
    PairSampler(const Dataset& data, std::vector<int> classes, Pairs pairs, bool rotate,
                uint64_t stream);

    struct Pair {
        // Indices of images of the same class.
        int condition = 0, target = 0;
        // 0 .. 3, counter-clockwise, applied to both images. 0 without `rotate`.
        int quarter_turns = 0;
    };
    Pair pair(uint32_t step, uint32_t index) const;

    // Writes pairs [first, first + count) of the step's batch. `conditions` and `targets`:
    // [count, C, H, W], values in [-1, 1].
    void fill(uint32_t step, uint32_t first, uint32_t count, std::span<float> conditions,
              std::span<float> targets) const;

  private:
    const Dataset& data_;
    std::vector<int> classes_;
    Pairs pairs_;
    bool rotate_;
    uint64_t stream_;
};

} // namespace dagan::data
