#include "base/error.h"
#include "base/random.h"
#include "data/epochs.h"
#include "data/transform.h"

namespace dagan {

void augment(std::span<float> image, int channels, int size, const Augmentation& how, uint64_t stream, uint32_t epoch,
             uint32_t item) {
    constexpr uint32_t kChoices = 0, kNoise = 1; // layers of the stream
    const uint64_t key = derive(stream, "augment");
    Random random(key, epoch, item, kChoices);
    const std::vector<float> original(image.begin(), image.end());
    const int quarter_turns = how.rotate ? static_cast<int>(random.below(4)) : 0;
    rotate_image<float>(original, image, channels, size, quarter_turns);

    if (random.chance(0.5)) {
        const auto offset = [&] {
            return static_cast<int>(random.below(2 * static_cast<uint64_t>(how.shift_px) + 1)) - how.shift_px;
        };
        const int dx = offset(), dy = offset();
        const std::vector<float> turned(image.begin(), image.end());
        constexpr float kBackground = 1.0F;
        shift_image<float>(turned, image, channels, size, dx, dy, how.fill_with_background ? &kBackground : nullptr);
    }
    if (random.chance(0.5)) {
        std::vector<float> noise(image.size());
        fill_normal(noise, key, epoch, item, kNoise);
        const auto sigma = static_cast<float>(2 * how.noise_sigma); // from [0, 1] to [-1, 1]
        for (size_t i = 0; i < image.size(); ++i) image[i] += sigma * noise[i];
    }
}

} // namespace dagan
