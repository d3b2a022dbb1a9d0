// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC'11). The program has
// no hidden generator state. Every number is a function of a key, which derive() makes from the
// campaign's seed and a purpose, and of the place where it is used: step, index in the batch,
// layer. So resuming needs only the step number, and a batch may be divided among any number of
// ranks.
//
//     const uint64_t key = derive(campaign_seed, "z");
//     Random random(key, step, index);      // a new one for every (step, index)
//     const double z = random.normal();
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

// Returns the key of a stream: a hash of a parent key, a purpose ("dropout", "z", "cases", ...)
// and numbers. The values are part of a campaign's results and never change.
uint64_t derive(uint64_t parent, std::string_view purpose,
                std::initializer_list<uint64_t> numbers = {});

// A sequence of numbers drawn at one place (step, index, layer) of a stream. Cheap to construct.
class Random {
  public:
    explicit Random(uint64_t key, uint32_t step = 0, uint32_t index = 0, uint32_t layer = 0);

    // 32 uniform bits.
    uint32_t bits();
    // Uniform in [0, bound), unbiased. Throws Blame::bug if `bound` is 0.
    uint64_t below(uint64_t bound);
    // Uniform in [0, 1), 53 bits.
    double uniform();
    double uniform(double low, double high) { return low + (high - low) * uniform(); }
    // N(0, 1), by Box-Muller.
    double normal();
    bool chance(double probability) { return uniform() < probability; }
    // A uniformly drawn order of 0 .. count - 1, by Fisher-Yates.
    std::vector<int> permutation(int count);

  private:
    std::array<uint32_t, 2> key_;
    PhiloxBlock counter_; // {block, layer, index, step}
    PhiloxBlock words_{};
    int used_ = 4; // of words_
    double spare_normal_ = 0;
    bool has_spare_ = false;
};

// Fills `out` with the normals that a Random at (key, step, index, layer) draws.
void fill_normal(std::span<float> out, uint64_t key, uint32_t step, uint32_t index,
                 uint32_t layer = 0);

// Fills `out` with an inverted dropout mask at (key, step, index, layer): 0 with probability p,
// else 1 / (1 - p). p is first rounded to a multiple of 2^-16. Throws Blame::bug if p rounds to 1.
void fill_dropout(std::span<float> out, double p, uint64_t key, uint32_t step, uint32_t index,
                  uint32_t layer);

} // namespace dagan
