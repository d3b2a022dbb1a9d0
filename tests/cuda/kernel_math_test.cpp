// The functions of the kernels' threads, run on the host, against base/random.h.
#include "base/random.h"
#include "cuda/kernel_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dagan::cuda {
namespace {

constexpr uint64_t kKey = 0x123456789abcdef0ULL;

TEST(KernelMathTest, MasksEqualFillDropoutInBothLayouts) {
    // The end of a sample is not the end of a block of draws.
    constexpr int64_t kSamples = 3, kChannels = 5, kPixels = 49;
    constexpr uint32_t kStep = 77, kFirst = 4, kLayer = 9;
    for (const double probability : {0.3, 0.5}) {
        const auto threshold = static_cast<uint32_t>(std::lround(probability * 65536));
        const MaskDraw draw{threshold, static_cast<float>(65536.0 / (65536.0 - threshold)), kKey,
                            kFirst, kLayer};
        for (int64_t sample = 0; sample < kSamples; ++sample) {
            std::vector<float> expected(kChannels * kPixels);
            fill_dropout(expected, probability, kKey, kStep, kFirst + static_cast<uint32_t>(sample),
                         kLayer);
            for (int64_t channel = 0; channel < kChannels; ++channel) {
                for (int64_t pixel = 0; pixel < kPixels; ++pixel) {
                    const int64_t begin = sample * kChannels * kPixels;
                    const float value = expected[static_cast<size_t>(channel * kPixels + pixel)];
                    EXPECT_EQ(mask_value(begin + channel * kPixels + pixel,
                                         {kSamples, kChannels, kPixels, false}, draw, kStep),
                              value);
                    EXPECT_EQ(mask_value(begin + pixel * kChannels + channel,
                                         {kSamples, kChannels, kPixels, true}, draw, kStep),
                              value);
                }
            }
        }
    }
}

TEST(KernelMathTest, NormalNumbersEqualFillNormal) {
    std::vector<float> expected(785); // of the last pair only one number is used
    fill_normal(expected, kKey, 3, 1234, 1);
    for (size_t i = 0; i < expected.size(); ++i) {
        const NormalPair pair = normal_pair(static_cast<int64_t>(i / 2), kKey, 3, 1234, 1);
        EXPECT_EQ(i % 2 == 0 ? pair.first : pair.second, expected[i]) << "at " << i;
    }
}

} // namespace
} // namespace dagan::cuda
