// The random numbers that the threads of the kernels compute, equal to those of base/random.h.
// Plain functions that the host's compiler accepts too, so that tests compare them with
// base/random.h without a GPU.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define DAGAN_HOST_AND_DEVICE __host__ __device__
#else
#define DAGAN_HOST_AND_DEVICE
#endif

namespace dagan::cuda {

// A float map [samples, channels, pixels], in memory as NCHW, or as NHWC if channels_last.
struct MapLayout {
    int64_t samples = 0, channels = 0, pixels = 0;
    bool channels_last = false;
};

struct PhiloxWords {
    uint32_t word[4];
};

// Philox4x32-10.
DAGAN_HOST_AND_DEVICE inline PhiloxWords philox_words(PhiloxWords c, uint64_t key) {
    constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
    constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
    auto key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = kMultiplier0 * c.word[0], p1 = kMultiplier1 * c.word[2];
        c = {{static_cast<uint32_t>(p1 >> 32) ^ c.word[1] ^ key0, static_cast<uint32_t>(p1),
              static_cast<uint32_t>(p0 >> 32) ^ c.word[3] ^ key1, static_cast<uint32_t>(p0)}};
        key0 += kWeyl0;
        key1 += kWeyl1;
    }
    return c;
}

// The parameters of a dropout mask, docs/reference/model.md, eq. (10).
struct MaskDraw {
    uint32_t threshold = 0; // a 16-bit draw below it drops the value
    float kept = 1;         // factor of the other values
    uint64_t key = 0;
    uint32_t first_index = 0, layer = 0;
};

// Returns element i of the mask, in memory order. A Philox block holds eight draws, which are used
// in NCHW order. Each thread computes the whole block for one draw: that costs less than scattered
// writes.
DAGAN_HOST_AND_DEVICE inline float mask_value(int64_t i, const MapLayout& layout,
                                              const MaskDraw& draw, uint32_t step) {
    const int64_t sample_size = layout.channels * layout.pixels;
    const int64_t sample = i / sample_size, within = i % sample_size;
    const int64_t position =
        layout.channels_last ? within % layout.channels * layout.pixels + within / layout.channels
                             : within;
    const PhiloxWords words =
        philox_words({{static_cast<uint32_t>(position / 8), draw.layer,
                       draw.first_index + static_cast<uint32_t>(sample), step}},
                     draw.key);
    const int64_t number = position % 8;
    const uint32_t bits = words.word[number / 2] >> (16 * (number % 2)) & 0xFFFF;
    return bits < draw.threshold ? 0.0F : draw.kept;
}

struct NormalPair {
    float first, second;
};

// Returns the normal numbers 2 * pair and 2 * pair + 1 of those drawn at (key, step, index, layer):
// the Box-Muller pair of one Philox block.
DAGAN_HOST_AND_DEVICE inline NormalPair normal_pair(int64_t pair, uint64_t key, uint32_t step,
                                                    uint32_t index, uint32_t layer) {
    constexpr double kTwoPi = 6.283185307179586;
    const PhiloxWords words =
        philox_words({{static_cast<uint32_t>(pair), layer, index, step}}, key);
    const auto uniform = [](uint32_t high, uint32_t low) {
        // In [0, 1).
        return static_cast<double>((static_cast<uint64_t>(high) << 32 | low) >> 11) * 0x1p-53;
    };
    const double radius = sqrt(-2 * log(1 - uniform(words.word[0], words.word[1])));
    const double angle = kTwoPi * uniform(words.word[2], words.word[3]);
    return {static_cast<float>(radius * cos(angle)), static_cast<float>(radius * sin(angle))};
}

} // namespace dagan::cuda
