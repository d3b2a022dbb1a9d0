// Making images with a trained generator, in inference mode, as the classifiers and scores need them: noise is drawn at
// (key, epoch, image index, number of the image), so an image never depends on what it was made with or where.
#pragma once

#include "data/contact_sheet.h"
#include "data/dataset.h"
#include "data/pool.h"
#include "model/networks.h"
#include "train/files/network_file.h"
#include "train/observer.h"
#include "train/tensors/tensors.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dagan::train {

// Image `number` of those made from real image `image`.
struct Wanted {
    int image = 0;
    int number = 0;
};

// x~ = G(x, z) for each wanted image, [N, C, H, W] in [-1, 1], on the host; computed where the generator is.
torch::Tensor generate(model::Generator& generator, const data::Dataset& data, ImageShape shape,
                       std::span<const Wanted> wanted, int z_dim, uint64_t key, uint32_t epoch);

// `per_image` images from each of `sources` (ascending), as bytes. Reports its progress in images when asked to; nothing when the
// observer asked to stop. Throws Blame::input when generator and data have different shapes.
std::optional<data::Pool> generate_pool(const TrainedGenerator& generator,
                                        const data::Dataset& data, const std::vector<int>& sources,
                                        int per_image, uint64_t key, uint32_t epoch,
                                        Observer& observer, bool report_progress);

// A row for each image of `data`: the image, then `per_image` made from it. Throws as generate_pool.
data::Picture augmentation_sheet(const TrainedGenerator& generator, const data::Dataset& data,
                                 int per_image, uint64_t key);

} // namespace dagan::train
