#include "base/random.h"

#include "base/error.h"
#include "base/hash.h"

#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

namespace dagan {

PhiloxBlock philox(PhiloxBlock c, std::array<uint32_t, 2> k) {
    constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
    constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = kMultiplier0 * c[0], p1 = kMultiplier1 * c[2];
        c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
             static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
        k[0] += kWeyl0;
        k[1] += kWeyl1;
    }
    return c;
}

uint64_t derive(uint64_t parent, std::string_view purpose, std::initializer_list<uint64_t> numbers) {
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
std::array<uint32_t, 2> halves(uint64_t key) { return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)}; }
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
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound; // rejection keeps the draw unbiased
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

void fill_normal(std::span<float> out, uint64_t key, uint32_t step, uint32_t index, uint32_t layer) {
    Random random(key, step, index, layer);
    for (float& value : out) value = static_cast<float>(random.normal());
}

void fill_dropout(std::span<float> out, double p, uint64_t key, uint32_t step, uint32_t index, uint32_t layer) {
    const auto threshold = static_cast<uint32_t>(std::lround(p * 65536));
    require(threshold < 65536, "dropout probability below 1");
    const float kept = static_cast<float>(65536.0 / (65536.0 - threshold));
    const auto halves_of_key = halves(key);
    PhiloxBlock counter{0, layer, index, step};
    size_t done = 0;
    while (done < out.size()) {
        const PhiloxBlock words = philox(counter, halves_of_key);
        ++counter[0];
        const size_t count = std::min<size_t>(8, out.size() - done);
        for (size_t i = 0; i < count; ++i) {
            const uint32_t draw = words[i / 2] >> (16 * (i % 2)) & 0xFFFF;
            out[done + i] = draw < threshold ? 0.0F : kept;
        }
        done += count;
    }
}

} // namespace dagan
