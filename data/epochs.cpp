#include "data/epochs.h"

#include "base/error.h"
#include "base/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace dagan::data {

EpochLoader::EpochLoader(const Dataset& data, std::vector<Case> training, const Pool* pool,
                         int generated_per_real, int batch_size, Augmentation augmentation,
                         uint64_t stream)
    : data_(data), training_(std::move(training)), pool_(pool),
      generated_per_real_(generated_per_real), batch_size_(batch_size), augmentation_(augmentation),
      stream_(stream) {
    require(!training_.empty(), "there are training cases");
    require(batch_size > 0 && generated_per_real >= 0,
            "batch_size above 0, generated_per_real not below 0");
    require(augmentation.shift_px >= 0, "shift_px not below 0");
    if (generated_per_real == 0) return;
    require(pool != nullptr, "a pool when generated_per_real is above 0");
    if (pool->channels() != data.info().channels || pool->size() != data.info().height) {
        throw input_error("pool: its images do not have the data set's size and channels");
    }
    if (pool->per_image() < generated_per_real) {
        throw input_error(fmt::format(
            "pool: has {} images per training case, but {} are needed; hint: raise pool_size",
            pool->per_image(), generated_per_real));
    }
    for (const Case& one : training_) {
        if (!pool->holds(one.image))
            throw input_error(fmt::format(
                "pool: has no images generated from image {}, a training case", one.image));
    }
}

int EpochLoader::batches_per_epoch() const {
    const size_t items = training_.size() * static_cast<size_t>(1 + generated_per_real_);
    const auto batch = static_cast<size_t>(batch_size_);
    return static_cast<int>((items + batch - 1) / batch);
}

void EpochLoader::shuffle(uint32_t epoch) const {
    if (epoch == epoch_ && !order_.empty()) return;
    std::vector<Item> items;
    items.reserve(training_.size() * static_cast<size_t>(1 + generated_per_real_));
    const uint64_t choice = derive(stream_, "generated");
    std::vector<int> candidates(pool_ == nullptr ? 0 : static_cast<size_t>(pool_->per_image()));
    for (size_t position = 0; position < training_.size(); ++position) {
        items.push_back({static_cast<int>(position), -1, -1});
        // The first m of a Fisher-Yates shuffle: distinct, and a larger m only adds images.
        Random random(choice, epoch, static_cast<uint32_t>(position));
        std::iota(candidates.begin(), candidates.end(), 0);
        for (size_t slot = 0; slot < static_cast<size_t>(generated_per_real_); ++slot) {
            std::swap(candidates[slot], candidates[slot + random.below(candidates.size() - slot)]);
            items.push_back({static_cast<int>(position), static_cast<int>(slot), candidates[slot]});
        }
    }
    order_.clear();
    const std::vector<int> order =
        Random(derive(stream_, "order"), epoch).permutation(static_cast<int>(items.size()));
    for (const int index : order) order_.push_back(items[static_cast<size_t>(index)]);
    epoch_ = epoch;
}

std::vector<BatchItem> EpochLoader::items(uint32_t epoch, int batch) const {
    require(batch >= 0 && batch < batches_per_epoch(), "batch within the epoch");
    shuffle(epoch);
    const size_t begin = static_cast<size_t>(batch) * static_cast<size_t>(batch_size_);
    const size_t count = std::min(static_cast<size_t>(batch_size_), order_.size() - begin);
    std::vector<BatchItem> items;
    for (const Item& item : std::span(order_).subspan(begin, count)) {
        const auto position = static_cast<size_t>(item.position);
        const size_t id = static_cast<size_t>(item.slot + 1) * training_.size() + position;
        items.push_back(
            {item.position, item.image, training_[position].label, static_cast<uint32_t>(id)});
    }
    return items;
}

void EpochLoader::fill(uint32_t epoch, int batch, LabelledBatch& out) const {
    const std::vector<BatchItem> items = this->items(epoch, batch);
    const DatasetInfo& info = data_.info();
    const size_t pixels = data_.image(0).size();
    out.images.resize(items.size() * pixels);
    out.labels.resize(items.size());
    out.real.resize(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
        const BatchItem& item = items[i];
        const int source = training_[static_cast<size_t>(item.position)].image;
        const bool real = item.generated < 0;
        const auto image = std::span(out.images).subspan(i * pixels, pixels);
        to_network_range(real ? data_.image(source) : pool_->image(source, item.generated), image);
        augment(image, info.channels, info.height, augmentation_, stream_, epoch, item.id);
        out.labels[i] = item.label;
        out.real[i] = real ? 1.0F : 0.0F;
    }
}

} // namespace dagan::data
