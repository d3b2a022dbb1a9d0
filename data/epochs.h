// The classifier's training material: each epoch shows every training case once and m images generated from it, shuffled,
// each augmented anew (dagan.md section 7). Batch b of epoch e is a function of (stream, e, b). The augmentation of a real image
// and the choice of its k-th generated one do not depend on m, so runs that differ in m alone are paired.
#pragma once

#include "data/dataset.h"
#include "data/pool.h"
#include "data/roles.h"

#include <span>
#include <vector>

namespace dagan::data {

struct Augmentation {
    bool rotate = true; // 0, 90, 180, 270 degrees, equally likely
    int shift_px = 2;   // with probability 1/2: dx, dy uniform integers in [-shift_px, shift_px]
    double noise_sigma = 0.1;         // with probability 1/2, on the [0, 1] scale; not clipped
    bool fill_with_background = true; // +1, right for ink_is_low; false: the nearest edge pixel
};

// What happens to one image; a function of (stream, epoch, item).
struct AugmentationDraw {
    int quarter_turns = 0; // counter-clockwise
    int dx = 0, dy = 0;    // right and down, after the turn
    bool noisy =
        false; // with fill_normal's numbers of (noise_key(stream), epoch, item, kNoiseLayer)
};
AugmentationDraw draw_augmentation(const Augmentation& how, uint64_t stream, uint32_t epoch,
                                   uint32_t item);
inline constexpr uint32_t kNoiseLayer = 1;
uint64_t noise_key(uint64_t stream);

// Augments one image [C, H, W] in [-1, 1] in place, as drawn.
void augment(std::span<float> image, int channels, int size, const Augmentation& how,
             uint64_t stream, uint32_t epoch, uint32_t item);

struct LabelledBatch {
    std::vector<float> images;   // [B, C, H, W]
    std::vector<int64_t> labels; // [B]
    std::vector<float> real;     // [B]: 1 real, 0 generated
    int size() const { return static_cast<int>(labels.size()); }
};

// An image of a batch, by what it is.
struct BatchItem {
    int position = 0;   // of its training case
    int generated = -1; // which of the pool's images of this case, or -1: the real one
    int64_t label = 0;
    uint32_t id = 0; // the item of its augmentation
};

class EpochLoader {
  public:
    // `pool` may be null when m = 0. Everything referred to must outlive the loader. Throws Blame::input when the pool lacks a
    // case or holds fewer than m images of one.
    EpochLoader(const Dataset& data, std::vector<Case> training, const Pool* pool,
                int generated_per_real, int batch_size, Augmentation augmentation, uint64_t stream);

    int batches_per_epoch() const; // ceil(cases * (1 + m) / batch_size); the last may be smaller
    // Batches may be asked for in any order; one thread at a time.
    void fill(uint32_t epoch, int batch, LabelledBatch& out) const;
    // The same batch, before its images are looked up.
    std::vector<BatchItem> items(uint32_t epoch, int batch) const;

  private:
    const Dataset& data_;
    std::vector<Case> training_;
    const Pool* pool_;
    int generated_per_real_, batch_size_;
    Augmentation augmentation_;
    uint64_t stream_;
    // The shuffled order of the epoch last asked for, so that an epoch's batches cost one shuffle.
    struct Item {
        int position; // in training_
        int slot;     // -1: the real image; else 0 .. m-1
        int image;    // of a generated one: which of the pool's images of this case
    };
    mutable uint32_t epoch_ = UINT32_MAX;
    mutable std::vector<Item> order_;
    void shuffle(uint32_t epoch) const;
};

} // namespace dagan::data
