// Image generation with a trained generator in inference mode, for classifiers, scores and sheets.
//
// The noise of an image is drawn at (key, epoch, index of the real image, number of the generated
// one), so an image does not depend on the batch or the machine in which it is made.
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

// Identifies a generated image: the condition, and a number among the images made from it.
struct ImageRequest {
    int image = 0;
    int number = 0;
};

// Returns x~ = G(x, z) for each request, [N, C, H, W] in [-1, 1], on the host. Computes on the
// generator's device.
torch::Tensor generate(model::Generator& generator, const data::Dataset& data, ImageShape shape,
                       std::span<const ImageRequest> requests, int z_dim, uint64_t key,
                       uint32_t epoch);

// Makes `per_image` images, as bytes, from each of `sources` (ascending indices of real images).
// Reports progress in images if `report_progress`. Returns nullopt if the observer requested a
// stop. Throws Blame::input if generator and data have different shapes.
std::optional<data::Pool> generate_pool(const TrainedGenerator& generator,
                                        const data::Dataset& data, const std::vector<int>& sources,
                                        int per_image, uint64_t key, uint32_t epoch,
                                        Observer& observer, bool report_progress);

// Returns a picture with one row per image of `data`: the image, then `per_image` images generated
// from it. Throws as generate_pool.
data::Picture augmentation_sheet(const TrainedGenerator& generator, const data::Dataset& data,
                                 int per_image, uint64_t key);

} // namespace dagan::train
