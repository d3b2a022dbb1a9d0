#include "data/dataset.h"

#include "base/error.h"
#include "base/hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace dagan::data {

namespace {
static_assert(std::endian::native == std::endian::little,
              "labels are hashed as little-endian int32");

std::string content_sha256(std::span<const uint8_t> images, std::span<const int32_t> labels) {
    Sha256 hash;
    hash.update(std::as_bytes(images));
    hash.update(std::as_bytes(labels));
    return hash.hex();
}

// Returns the first index of each class, followed by the number of images. Throws Blame::bug unless
// labels ascend from 0 without gaps.
std::vector<int> class_starts(std::span<const int32_t> labels, size_t classes) {
    std::vector<int> starts;
    for (size_t i = 0; i < labels.size(); ++i) {
        const auto label = static_cast<size_t>(labels[i]);
        if (label == starts.size()) starts.push_back(static_cast<int>(i));
        require(label + 1 == starts.size(), "labels ascend from 0 without gaps");
    }
    require(starts.size() == classes, "as many class names as labels");
    starts.push_back(static_cast<int>(labels.size()));
    return starts;
}
} // namespace

Dataset::Dataset(DatasetInfo info, std::vector<uint8_t> images, std::vector<int32_t> labels,
                 std::vector<std::string> class_names, std::vector<uint8_t> official_split)
    : info_(std::move(info)), images_(std::move(images)), labels_(std::move(labels)),
      class_names_(std::move(class_names)), official_split_(std::move(official_split)),
      first_(class_starts(labels_, class_names_.size())) {
    require(!labels_.empty(), "a data set has images");
    require(info_.height == info_.width && info_.height > 0, "images are square");
    require(info_.channels == 1 || info_.channels == 3, "images have 1 or 3 channels");
    require(info_.polarity == "ink_is_low" || info_.polarity == "ink_is_high" ||
                info_.polarity == "colour",
            "polarity is ink_is_low, ink_is_high or colour");
    const size_t image_bytes = static_cast<size_t>(info_.channels) *
                               static_cast<size_t>(info_.height) * static_cast<size_t>(info_.width);
    require(images_.size() == labels_.size() * image_bytes, "as many images as labels");
    require(official_split_.empty() || official_split_.size() == labels_.size(),
            "a split mark for each image");

    info_.classes = static_cast<int>(class_names_.size());
    info_.images = static_cast<int>(labels_.size());
    info_.smallest_class = info_.images;
    info_.largest_class = 0;
    for (int label = 0; label < info_.classes; ++label) {
        info_.smallest_class = std::min(info_.smallest_class, count_of(label));
        info_.largest_class = std::max(info_.largest_class, count_of(label));
    }
    info_.sha256 = content_sha256(images_, labels_);
}

std::span<const uint8_t> Dataset::image(int index) const {
    require(index >= 0 && index < info_.images, "image index within the data set");
    const size_t bytes = images_.size() / labels_.size();
    return std::span(images_).subspan(static_cast<size_t>(index) * bytes, bytes);
}

void to_network_range(std::span<const uint8_t> bytes, std::span<float> out) {
    static const auto kTable = [] {
        std::array<float, 256> table{};
        for (size_t v = 0; v < table.size(); ++v)
            table[v] = static_cast<float>(2.0 * static_cast<double>(v) / 255.0 - 1.0);
        return table;
    }();
    require(bytes.size() == out.size(), "as many floats as bytes");
    for (size_t i = 0; i < bytes.size(); ++i) out[i] = kTable[bytes[i]];
}

void to_bytes(std::span<const float> values, std::span<uint8_t> out) {
    require(values.size() == out.size(), "as many bytes as floats");
    for (size_t i = 0; i < values.size(); ++i) {
        require(!std::isnan(values[i]), "no pixel is NaN");
        out[i] =
            static_cast<uint8_t>(std::lround((std::clamp(values[i], -1.0F, 1.0F) + 1.0F) * 127.5F));
    }
}

} // namespace dagan::data
