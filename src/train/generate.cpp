#include "train/generate.h"

#include "base/error.h"
#include "base/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace dagan::train {

namespace {
// Fixed, because the composition of a batch may affect the last bits of an image.
constexpr size_t kBatch = 64;

void check_shape(const TrainedGenerator& generator, const data::Dataset& data) {
    const ImageShape shape = shape_of(data);
    if (generator.shape == shape) return;
    throw input_error(fmt::format("the DAGAN makes images of {}x{}x{}, the data set has {}x{}x{}; "
                                  "train one on images of this shape",
                                  generator.shape.size, generator.shape.size,
                                  generator.shape.channels, shape.size, shape.size,
                                  shape.channels));
}
} // namespace

torch::Tensor generate(model::Generator& generator, const data::Dataset& data, ImageShape shape,
                       std::span<const ImageRequest> requests, int z_dim, uint64_t key,
                       uint32_t epoch) {
    const torch::NoGradGuard no_grad;
    std::vector<int> images;
    for (const ImageRequest& request : requests) images.push_back(request.image);
    const torch::Tensor z =
        torch::empty({static_cast<int64_t>(requests.size()), z_dim}, torch::kFloat);
    const std::span<float> noise = floats_of(z);
    const auto row = static_cast<size_t>(z_dim);
    for (size_t i = 0; i < requests.size(); ++i) {
        fill_normal(noise.subspan(i * row, row), key, epoch,
                    static_cast<uint32_t>(requests[i].image),
                    static_cast<uint32_t>(requests[i].number));
    }
    const torch::Device device = device_of(generator);
    return generator
        .forward(image_tensor(data, images, shape).to(device), z.to(device),
                 model::Pass::inference())
        .cpu()
        .contiguous();
}

std::optional<data::Pool> generate_pool(const TrainedGenerator& generator,
                                        const data::Dataset& data, const std::vector<int>& sources,
                                        int per_image, uint64_t key, uint32_t epoch,
                                        Observer& observer, bool report_progress) {
    check_shape(generator, data);
    std::vector<ImageRequest> requests;
    for (const int source : sources) {
        for (int k = 0; k < per_image; ++k) requests.push_back({source, k});
    }
    const auto per_image_bytes = static_cast<size_t>(generator.shape.values());
    std::vector<uint8_t> bytes(requests.size() * per_image_bytes);
    for (size_t begin = 0; begin < requests.size(); begin += kBatch) {
        if (observer.stop_requested()) return std::nullopt;
        const size_t count = std::min(kBatch, requests.size() - begin);
        const torch::Tensor images_made = generate(*generator.network, data, generator.shape,
                                                   std::span(requests).subspan(begin, count),
                                                   generator.options.z_dim, key, epoch);
        data::to_bytes(floats_of(images_made),
                       std::span(bytes).subspan(begin * per_image_bytes, count * per_image_bytes));
        if (report_progress)
            observer.progress(static_cast<int64_t>(begin + count),
                              static_cast<int64_t>(requests.size()));
    }
    return data::Pool(generator.shape.channels, generator.shape.size, per_image, sources,
                      std::move(bytes), generator.sha256);
}

data::Picture augmentation_sheet(const TrainedGenerator& generator, const data::Dataset& data,
                                 int per_image, uint64_t key) {
    std::vector<int> sources(static_cast<size_t>(data.info().images));
    std::iota(sources.begin(), sources.end(), 0);
    NullObserver observer;
    const data::Pool pool =
        generate_pool(generator, data, sources, per_image, key, 0, observer, false).value();
    std::vector<uint8_t> images;
    const auto append = [&](std::span<const uint8_t> image) {
        images.insert(images.end(), image.begin(), image.end());
    };
    for (const int source : sources) {
        append(data.image(source));
        for (int k = 0; k < per_image; ++k) append(pool.image(source, k));
    }
    return data::image_grid(images, pool.channels(), pool.size(), 1 + per_image,
                            {.scale = pool.size() < 64 ? 3 : 1});
}

} // namespace dagan::train
