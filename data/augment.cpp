#include "base/error.h"
#include "base/random.h"
#include "data/epochs.h"
#include "data/transform.h"

namespace dagan::data {

uint64_t noise_key(uint64_t stream) { return derive(stream, "augment"); }

AugmentationDraw draw_augmentation(const Augmentation& how, uint64_t stream, uint32_t epoch,
                                   uint32_t item) {
    constexpr uint32_t kChoices = 0; // another layer of the stream than kNoiseLayer
    Random random(noise_key(stream), epoch, item, kChoices);
    AugmentationDraw draw;
    if (how.rotate) draw.quarter_turns = static_cast<int>(random.below(4));
    if (random.chance(0.5)) {
        const auto offset = [&] {
            return static_cast<int>(random.below(2 * static_cast<uint64_t>(how.shift_px) + 1)) -
                   how.shift_px;
        };
        draw.dx = offset();
        draw.dy = offset();
    }
    draw.noisy = random.chance(0.5);
    return draw;
}

void augment(std::span<float> image, int channels, int size, const Augmentation& how,
             uint64_t stream, uint32_t epoch, uint32_t item) {
    const AugmentationDraw draw = draw_augmentation(how, stream, epoch, item);
    const std::vector<float> original(image.begin(), image.end());
    rotate_image<float>(original, image, channels, size, draw.quarter_turns);
    if (draw.dx != 0 || draw.dy != 0) {
        const std::vector<float> turned(image.begin(), image.end());
        constexpr float kBackground = 1.0F;
        shift_image<float>(turned, image, channels, size, draw.dx, draw.dy,
                           how.fill_with_background ? &kBackground : nullptr);
    }
    if (draw.noisy) {
        std::vector<float> noise(image.size());
        fill_normal(noise, noise_key(stream), epoch, item, kNoiseLayer);
        const auto sigma = static_cast<float>(2 * how.noise_sigma); // from [0, 1] to [-1, 1]
        for (size_t i = 0; i < image.size(); ++i) image[i] += sigma * noise[i];
    }
}

} // namespace dagan::data
