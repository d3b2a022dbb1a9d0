#include "train/device/device_batches.h"

#include "base/random.h"

namespace dagan::train {

DeviceBatches::DeviceBatches(const data::Dataset& data, const data::PairSampler& pairs,
                             ImageShape shape, Keys keys, int z_dim, uint32_t first, uint32_t count,
                             size_t slots, const Compute& compute)
    : pairs_(pairs), shape_(shape), keys_(keys), first_(first), count_(count), slots_(slots) {
    const int64_t b = count, z_values = b * z_dim;
    const auto on_device = torch::dtype(torch::kFloat).device(compute.device);
    floats_ = torch::zeros({z_values + b + 2}, on_device);
    integers_ = torch::zeros({1 + 3 * b}, on_device.dtype(torch::kLong));
    const std::vector<int64_t> sizes{b, shape.channels, shape.size, shape.size};
    batch_ = {.x = torch::zeros(sizes, on_device).contiguous(compute.maps),
              .real = torch::zeros(sizes, on_device).contiguous(compute.maps),
              .z = floats_.narrow(0, 0, z_values).view({b, z_dim}),
              .epsilon = floats_.narrow(0, z_values, b)};
    votes_ = floats_.narrow(0, z_values + b, 2);
    step_ = integers_[0];
    conditions_ = integers_.narrow(0, 1, b);
    targets_ = integers_.narrow(0, 1 + b, b);
    turns_ = integers_.narrow(0, 1 + 2 * b, b);

    const int64_t bytes = int64_t{data.info().images} * shape.values();
    if (ResidentImages::fits(bytes, *compute.gpu))
        images_ = std::make_unique<ResidentImages>(image_bytes(data), compute.device);
    const auto on_host = [&](const torch::Tensor& like) {
        return torch::zeros(
            like.sizes(), torch::dtype(like.scalar_type()).pinned_memory(compute.device.is_cuda()));
    };
    for (Slot& slot : slots_) {
        slot = {on_host(floats_), on_host(integers_), {}, {}};
        if (!images_) slot.x = on_host(batch_.x), slot.real = on_host(batch_.real);
    }
}

void DeviceBatches::stage(uint32_t s, const Votes& votes) {
    const torch::NoGradGuard no_grad;
    Slot& slot = slots_[s % slots_.size()];
    const std::span<float> floats = floats_of(slot.floats);
    const auto z_dim = static_cast<size_t>(batch_.z.size(1)), z_values = count_ * z_dim;
    for (uint32_t i = 0; i < count_; ++i) {
        fill_normal(floats.subspan(i * z_dim, z_dim), keys_.z, s, first_ + i);
        floats[z_values + i] = static_cast<float>(Random(keys_.epsilon, s, first_ + i).uniform());
    }
    floats[z_values + count_] = votes.stop ? 1.0F : 0.0F;
    floats[z_values + count_ + 1] = votes.save ? 1.0F : 0.0F;
    draw_pairs(s, slot);
    floats_.copy_(slot.floats, /*non_blocking=*/true);
    integers_.copy_(slot.integers, true);
    if (images_) return;
    batch_.x.copy_(slot.x, true);
    batch_.real.copy_(slot.real, true);
}

void DeviceBatches::draw_pairs(uint32_t s, Slot& slot) {
    auto* integers = slot.integers.data_ptr<int64_t>();
    integers[0] = s;
    if (!images_) return pairs_.fill(s, first_, count_, floats_of(slot.x), floats_of(slot.real));
    for (uint32_t i = 0; i < count_; ++i) {
        const data::PairSampler::Pair pair = pairs_.pair(s, first_ + i);
        integers[1 + i] = pair.condition;
        integers[1 + count_ + i] = pair.target;
        integers[1 + 2 * count_ + i] = pair.quarter_turns;
    }
}

void DeviceBatches::assemble() {
    if (!images_) return;
    const torch::NoGradGuard no_grad;
    const torch::Tensor sources = images_->rotation_sources(turns_);
    batch_.x.copy_(images_->gather_images(conditions_, sources));
    batch_.real.copy_(images_->gather_images(targets_, sources));
}

} // namespace dagan::train
