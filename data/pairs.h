// Pairs of images of one class, the DAGAN's training material (dagan.md section 5). The batch of a step is a function of
// (stream, step) alone; each pair of (stream, step, index), so ranks may take any slice.
#pragma once

#include "data/dataset.h"
#include "spec/sweep.h"

#include <cstdint>
#include <span>
#include <vector>

namespace dagan::data {

class PairSampler {
  public:
    // `data` must outlive the sampler. Throws Blame::input when there is no class, or Pairs::distinct and a class of one image.
    PairSampler(const Dataset& data, std::vector<int> classes, Pairs pairs, bool rotate,
                uint64_t stream);

    struct Pair {
        int condition = 0, target = 0; // image indices
        int quarter_turns = 0;         // 0 .. 3, both images alike
    };
    Pair pair(uint32_t step, uint32_t index) const;

    // Pairs [first, first + count) of the step's batch as floats in [-1, 1]: conditions and targets [count, C, H, W].
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
