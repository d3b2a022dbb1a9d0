#include "train/device/device_epochs.h"

#include "base/random.h"

#include <torch/library.h>

#include <algorithm>

namespace dagan::train {

namespace {
// Returns normal numbers, one row of `count` per item, drawn at (key, epoch, item, layer). The
// GPU's implementation is in cuda/operators.cpp.
constexpr const char* kNormalSchema =
    "normal_rows(Tensor items, int count, int key, Tensor epoch, int layer) -> Tensor";

torch::Tensor normal_rows_on_cpu(const torch::Tensor& items, int64_t count, int64_t key,
                                 const torch::Tensor& epoch, int64_t layer) {
    torch::Tensor rows = torch::empty({items.size(0), count}, torch::kFloat);
    const std::span<float> values = floats_of(rows);
    const auto row = static_cast<size_t>(count);
    for (int64_t i = 0; i < items.size(0); ++i) {
        fill_normal(values.subspan(static_cast<size_t>(i) * row, row), static_cast<uint64_t>(key),
                    static_cast<uint32_t>(epoch.item<int64_t>()),
                    static_cast<uint32_t>(items.data_ptr<int64_t>()[i]),
                    static_cast<uint32_t>(layer));
    }
    return rows;
}

torch::Tensor normal_rows(const torch::Tensor& items, int64_t count, uint64_t key,
                          const torch::Tensor& epoch, uint32_t layer) {
    static const auto rows = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("dagan::normal_rows", "")
                                 .typed<torch::Tensor(const torch::Tensor&, int64_t, int64_t,
                                                      const torch::Tensor&, int64_t)>();
    return rows.call(items, count, static_cast<int64_t>(key), epoch, layer);
}
} // namespace

TORCH_LIBRARY_FRAGMENT(dagan, library) { library.def(kNormalSchema); }
TORCH_LIBRARY_IMPL(dagan, CPU, library) { library.impl("normal_rows", normal_rows_on_cpu); }

DeviceEpochs::DeviceEpochs(ImageShape shape, int batch_size, const data::Augmentation& augmentation,
                           uint64_t stream, const Compute& compute)
    : shape_(shape), augmentation_(augmentation), stream_(stream), device_(compute.device),
      maps_(compute.maps), slots_(kStepsAhead) {
    const int64_t columns = std::max(batch_size, 2); // the first row holds step and epoch
    const auto integers = torch::dtype(torch::kLong), floats = torch::dtype(torch::kFloat);
    integers_ = torch::zeros({kRows, columns}, integers.device(device_));
    floats_ = torch::zeros({kFloatRows, columns}, floats.device(device_));
    for (Slot& slot : slots_) {
        slot.integers = torch::zeros({kRows, columns}, integers.pinned_memory(device_.is_cuda()));
        slot.floats = torch::zeros({kFloatRows, columns}, floats.pinned_memory(device_.is_cuda()));
    }
    step_ = integers_[kStepAndEpoch][0];
    epoch_ = integers_[kStepAndEpoch][1];
    pixels_ = torch::arange(shape.size, integers.device(device_));
}

void DeviceEpochs::load(const data::Dataset& data, const std::vector<data::Case>& training,
                        const data::Pool* pool) {
    training_ = static_cast<int>(training.size());
    per_image_ = pool == nullptr ? 0 : pool->per_image();
    torch::Tensor bytes = torch::empty(
        {int64_t{training_} * (1 + per_image_), shape_.channels, shape_.size, shape_.size},
        torch::kByte);
    auto* out = bytes.data_ptr<uint8_t>();
    for (const data::Case& one : training) out = std::ranges::copy(data.image(one.image), out).out;
    for (const data::Case& one : training) {
        for (int k = 0; k < per_image_; ++k)
            out = std::ranges::copy(pool->image(one.image, k), out).out;
    }
    if (images_) return images_->replace(bytes);
    images_.emplace(bytes, device_);
}

int64_t DeviceEpochs::stage(const data::EpochLoader& loader, uint32_t epoch, int batch,
                            uint32_t step) {
    const torch::NoGradGuard no_grad;
    const std::vector<data::BatchItem> items = loader.items(epoch, batch);
    Slot& slot = slots_[step % slots_.size()];
    auto integers = slot.integers.accessor<int64_t, 2>();
    auto floats = slot.floats.accessor<float, 2>();
    integers[kStepAndEpoch][0] = step;
    integers[kStepAndEpoch][1] = epoch;
    for (int64_t i = 0; i < static_cast<int64_t>(items.size()); ++i) {
        const data::BatchItem& item = items[static_cast<size_t>(i)];
        const data::AugmentationDraw draw =
            data::draw_augmentation(augmentation_, stream_, epoch, item.id);
        const bool real = item.generated < 0;
        integers[kImage][i] =
            real ? item.position : training_ + item.position * per_image_ + item.generated;
        integers[kTurns][i] = draw.quarter_turns;
        integers[kDx][i] = draw.dx;
        integers[kDy][i] = draw.dy;
        integers[kItem][i] = item.id;
        integers[kLabel][i] = item.label;
        floats[kReal][i] = real ? 1.0F : 0.0F;
        floats[kSigma][i] = draw.noisy ? static_cast<float>(2 * augmentation_.noise_sigma) : 0.0F;
    }
    integers_.copy_(slot.integers, /*non_blocking=*/true);
    floats_.copy_(slot.floats, true);
    return static_cast<int64_t>(items.size());
}

torch::Tensor DeviceEpochs::assemble(int64_t size) const {
    const torch::NoGradGuard no_grad;
    // The source of each pixel of the shifted image in the rotated one, or the nearest inner pixel.
    const int64_t last = shape_.size - 1;
    // y is [size, H], x is [size, W].
    const torch::Tensor y = pixels_ - integer_row(kDy, size).unsqueeze(1),
                        x = pixels_ - integer_row(kDx, size).unsqueeze(1);
    const torch::Tensor nearest_y = y.clamp(0, last), nearest_x = x.clamp(0, last);
    const torch::Tensor shifted =
        (nearest_y * shape_.size).unsqueeze(2).add(nearest_x.unsqueeze(1)).flatten(1);
    torch::Tensor images = images_->gather_images(
        integer_row(kImage, size),
        images_->rotation_sources(integer_row(kTurns, size)).gather(1, shifted));
    if (augmentation_.fill_with_background) {
        const torch::Tensor outside =
            y.ne(nearest_y).unsqueeze(2).logical_or(x.ne(nearest_x).unsqueeze(1));
        images.masked_fill_(outside.unsqueeze(1), 1.0);
    }
    const torch::Tensor noise = normal_rows(integer_row(kItem, size), shape_.values(),
                                            data::noise_key(stream_), epoch_, data::kNoiseLayer);
    images.add_(floats_[kSigma].narrow(0, 0, size).view({-1, 1, 1, 1}) *
                noise.view(images.sizes()));
    return images.contiguous(maps_);
}

torch::Tensor DeviceEpochs::real(int64_t size) const { return floats_[kReal].narrow(0, 0, size); }
torch::Tensor DeviceEpochs::labels(int64_t size) const { return integer_row(kLabel, size); }

} // namespace dagan::train
