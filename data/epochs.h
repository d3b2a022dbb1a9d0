// The classifier's training batches: each epoch has every training case once and m images generated
// from it, shuffled and augmented again (docs/reference/model.md, eqs. (33) and (35)).
//
// Batch b of epoch e is a function of (stream, e, b). The augmentation of a real image and the
// choice of its k-th generated image do not depend on m, so runs that differ only in m are paired.
#pragma once

#include "data/dataset.h"
#include "data/pool.h"
#include "data/roles.h"

#include <span>
#include <vector>

namespace dagan::data {

struct Augmentation {
    // By 0, 90, 180 or 270 degrees, equally likely.
    bool rotate = true;
    // With probability 1/2: dx and dy, independent uniform integers in [-shift_px, shift_px].
    // At least 0.
    int shift_px = 2;
    // With probability 1/2: Gaussian noise of this standard deviation on the [0, 1] scale of
    // pixels, i.e. twice as much on [-1, 1]. Not clipped.
    double noise_sigma = 0.1;
    // A shift fills with +1, the background of ink_is_low; false: with the nearest edge pixel.
    bool fill_with_background = true;
};

// The random choices for one image.
struct AugmentationDraw {
    // 0 .. 3, counter-clockwise.
    int quarter_turns = 0;
    // Right and down, after the rotation.
    int dx = 0, dy = 0;
    // Adds the numbers fill_normal() gives for (noise_key(stream), epoch, item, kNoiseLayer).
    bool noisy = false;
};

// A function of (stream, epoch, item). `item`: BatchItem::id.
AugmentationDraw draw_augmentation(const Augmentation& how, uint64_t stream, uint32_t epoch,
                                   uint32_t item);
inline constexpr uint32_t kNoiseLayer = 1;
uint64_t noise_key(uint64_t stream);

// Augments one image in place, as draw_augmentation() says. `image`: [C, size, size] in [-1, 1];
// the result may exceed this range by the noise.
void augment(std::span<float> image, int channels, int size, const Augmentation& how,
             uint64_t stream, uint32_t epoch, uint32_t item);

struct LabelledBatch {
    std::vector<float> images;   // [B, C, H, W]
    std::vector<int64_t> labels; // [B], 0 .. K - 1
    std::vector<float> real;     // [B]: 1 real, 0 generated
    int size() const { return static_cast<int>(labels.size()); }
};

// Identifies one image of a batch.
struct BatchItem {
    // Index into the training cases.
    int position = 0;
    // Which of the pool's images of this case, 0 .. per_image - 1; -1: the real image.
    int generated = -1;
    int64_t label = 0;
    // The `item` of its augmentation.
    uint32_t id = 0;
};

//     const EpochLoader loader(data, cases.training, &pool, m, batch_size, {}, stream);
//     LabelledBatch batch;
//     for (int b = 0; b < loader.batches_per_epoch(); ++b) {
//         loader.fill(epoch, b, batch);  // train on it
class EpochLoader {
  public:
    // `training`: not empty. `pool` may be null if generated_per_real (m) is 0. `data` and `pool`
    // must outlive the loader. Throws Blame::input if the pool lacks a case, has fewer than m
    // images per case, or has images of another size.
    EpochLoader(const Dataset& data, std::vector<Case> training, const Pool* pool,
                int generated_per_real, int batch_size, Augmentation augmentation, uint64_t stream);

    // ceil(cases * (1 + m) / batch_size). The last batch may be smaller than the others.
    int batches_per_epoch() const;
    // Fills `out` with batch `batch` of an epoch, 0 <= batch < batches_per_epoch(). Batches may be
    // requested in any order; consecutive requests of one epoch share a shuffle. Not thread-safe.
    void fill(uint32_t epoch, int batch, LabelledBatch& out) const;
    // Returns the same batch before its images are read.
    std::vector<BatchItem> items(uint32_t epoch, int batch) const;

  private:
    const Dataset& data_;
    std::vector<Case> training_;
    const Pool* pool_;
    int generated_per_real_, batch_size_;
    Augmentation augmentation_;
    uint64_t stream_;
    struct Item {
        int position; // in training_
        int slot;     // 0 .. m - 1; -1: the real image
        int image;    // of a generated one: which of the pool's images of this case
    };
    // The shuffled order of the epoch that was last requested.
    mutable uint32_t epoch_ = UINT32_MAX;
    mutable std::vector<Item> order_;
    void shuffle(uint32_t epoch) const;
};

} // namespace dagan::data
