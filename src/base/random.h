// Counter-based random numbers (Philox4x32-10; Salmon, Moraes, Dror, Shaw, SC'11). There is no hidden generator in
// this program: every number is a function of a Stream (campaign seed and purpose) and of where it is used (step,
// index in the batch, layer), so resuming needs only the step number and a batch may be cut over any number of ranks.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace dagan {

using PhiloxBlock = std::array<uint32_t, 4>;

// The Philox4x32-10 bijection: four random words from a 128-bit counter and a 64-bit key.
PhiloxBlock philox(PhiloxBlock counter, std::array<uint32_t, 2> key);

// A 64-bit key for a stream: a hash of a parent key, a purpose ("dropout", "z", "cases", ...) and numbers.
uint64_t derive(uint64_t parent, std::string_view purpose,
                std::initializer_list<uint64_t> numbers = {});

// Numbers drawn in sequence from one place of a stream. Cheap to make: make one per (step, index), keep none.
class Random {
  public:
    explicit Random(uint64_t key, uint32_t step = 0, uint32_t index = 0, uint32_t layer = 0);

    uint32_t bits();                // 32 uniform bits
    uint64_t below(uint64_t bound); // uniform in [0, bound), unbiased; bound > 0
    double uniform();               // [0, 1), 53 bits
    double uniform(double low, double high) { return low + (high - low) * uniform(); }
    double normal(); // N(0, 1) by Box-Muller
    bool chance(double probability) { return uniform() < probability; }
    std::vector<int> permutation(int count); // of 0 .. count-1, Fisher-Yates

  private:
    std::array<uint32_t, 2> key_;
    PhiloxBlock counter_; // {block, layer, index, step}
    PhiloxBlock words_{};
    int used_ = 4;
    double spare_normal_ = 0;
    bool has_spare_ = false;
};

// Fills `out` with N(0, 1) drawn at (key, step, index, layer).
void fill_normal(std::span<float> out, uint64_t key, uint32_t step, uint32_t index,
                 uint32_t layer = 0);

// Fills `out` with 0 (probability p) or 1/(1-p): an inverted dropout mask, at (key, step, index, layer).
// p is rounded to a multiple of 2^-16, the scale follows the rounded p.
void fill_dropout(std::span<float> out, double p, uint64_t key, uint32_t step, uint32_t index,
                  uint32_t layer);

} // namespace dagan
