#include "base/random.h"

#include "base/error.h"
#include "base/for_each_cpu.h"
#include "base/hash.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

namespace dagan {

namespace {
constexpr int kRounds = 10;

// Inlined, so that a caller marked DAGAN_FOR_EACH_CPU compiles it for each CPU.
[[gnu::always_inline]] inline void philox_round(uint32_t& c0, uint32_t& c1, uint32_t& c2,
                                                uint32_t& c3, const std::array<uint32_t, 2>& key) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c0, p1 = uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key[0];
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key[1];
    c3 = static_cast<uint32_t>(p0);
}

[[gnu::always_inline]] inline void next_key(std::array<uint32_t, 2>& key) {
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
}
} // namespace

PhiloxBlock philox(PhiloxBlock c, std::array<uint32_t, 2> key) {
    for (int round = 0; round < kRounds; ++round, next_key(key))
        philox_round(c[0], c[1], c[2], c[3], key);
    return c;
}

uint64_t derive(uint64_t parent, std::string_view purpose,
                std::initializer_list<uint64_t> numbers) {
    std::string text(sizeof parent, '\0');
    std::memcpy(text.data(), &parent, sizeof parent);
    text += purpose;
    for (const uint64_t number : numbers) {
        text += '/';
        text += std::to_string(number);
    }
    return hash64(text);
}

namespace {
std::array<uint32_t, 2> halves(uint64_t key) {
    return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}
} // namespace

Random::Random(uint64_t key, uint32_t step, uint32_t index, uint32_t layer)
    : key_(halves(key)), counter_{0, layer, index, step} {}

uint32_t Random::bits() {
    if (used_ == 4) {
        words_ = philox(counter_, key_);
        ++counter_[0];
        used_ = 0;
    }
    return words_[static_cast<size_t>(used_++)];
}

uint64_t Random::below(uint64_t bound) {
    require(bound > 0, "below() needs a bound above 0");
    // A multiple of `bound`. Words from it up are rejected, so that the remainder is unbiased.
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    for (;;) {
        const uint64_t high = bits();
        const uint64_t word = high << 32 | bits();
        if (word < limit) return word % bound;
    }
}

double Random::uniform() {
    const uint64_t high = bits();
    return static_cast<double>((high << 32 | bits()) >> 11) * 0x1p-53;
}

double Random::normal() {
    if (has_spare_) {
        has_spare_ = false;
        return spare_normal_;
    }
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    spare_normal_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
}

std::vector<int> Random::permutation(int count) {
    std::vector<int> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i)]);
    return order;
}

void fill_normal(std::span<float> out, uint64_t key, uint32_t step, uint32_t index,
                 uint32_t layer) {
    Random random(key, step, index, layer);
    for (float& value : out) value = static_cast<float>(random.normal());
}

namespace {
constexpr size_t kLanes = 16;            // counters per run
constexpr size_t kDraws = 8;             // 16-bit draws per counter
constexpr size_t kRun = kLanes * kDraws; // draws per run

// Writes the next kRun values: 0 for a draw below `threshold`, else `kept`. The draws are the
// 16-bit halves of philox() at kLanes consecutive counters.
DAGAN_FOR_EACH_CPU
void fill_run(float* __restrict out, PhiloxBlock counter, std::array<uint32_t, 2> key,
              uint32_t threshold, float kept) {
    std::array<std::array<uint32_t, kLanes>, 4> c{};
    for (uint32_t i = 0; i < kLanes; ++i) {
        c[0][i] = counter[0] + i;
        for (size_t word = 1; word < c.size(); ++word) c[word][i] = counter[word];
    }
    for (int round = 0; round < kRounds; ++round, next_key(key)) {
        for (size_t i = 0; i < kLanes; ++i) philox_round(c[0][i], c[1][i], c[2][i], c[3][i], key);
    }
    // In the order of the draws: each word yields its lower half first.
    std::array<uint32_t, kLanes * 4> words;
    for (size_t i = 0; i < kLanes; ++i) {
        for (size_t word = 0; word < c.size(); ++word) words[i * c.size() + word] = c[word][i];
    }
    for (size_t i = 0; i < words.size(); ++i) {
        out[2 * i] = (words[i] & 0xFFFF) < threshold ? 0.0F : kept;
        out[2 * i + 1] = (words[i] >> 16) < threshold ? 0.0F : kept;
    }
}
} // namespace

void fill_dropout(std::span<float> out, double p, uint64_t key, uint32_t step, uint32_t index,
                  uint32_t layer) {
    const auto threshold = static_cast<uint32_t>(std::lround(p * 65536));
    require(threshold < 65536, "dropout probability below 1");
    const float kept = static_cast<float>(65536.0 / (65536.0 - threshold));
    PhiloxBlock counter{0, layer, index, step};
    for (; out.size() >= kRun; out = out.subspan(kRun), counter[0] += kLanes) {
        fill_run(out.data(), counter, halves(key), threshold, kept);
    }
    std::array<float, kRun> last{};
    if (!out.empty()) fill_run(last.data(), counter, halves(key), threshold, kept);
    std::copy_n(last.begin(), out.size(), out.begin());
}

} // namespace dagan
