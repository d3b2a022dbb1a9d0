// A data set of noise for tests that compare two computations of a step: three classes of four
// images. Halving the size gives 18, 9, 5, 3, 2, even and odd sizes for padding and resize.
#pragma once

#include "base/random.h"
#include "data/dataset.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace dagan::train {

inline constexpr int kPixels = 18;
inline constexpr int kClasses = 3;

inline data::Dataset random_images() {
    constexpr int kImages = 4;
    std::vector<uint8_t> images;
    std::vector<int32_t> labels;
    Random random(4);
    for (int i = 0; i < kClasses * kImages; ++i) {
        labels.push_back(i / kImages);
        for (int pixel = 0; pixel < kPixels * kPixels; ++pixel)
            images.push_back(static_cast<uint8_t>(random.below(256)));
    }
    data::DatasetInfo info;
    info.channels = 1;
    info.height = info.width = kPixels;
    info.source = "random";
    info.polarity = "ink_is_low";
    return data::Dataset(info, std::move(images), std::move(labels), {"a", "b", "c"});
}

} // namespace dagan::train
