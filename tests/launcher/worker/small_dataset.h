// A data set of a few 8x8 images, for tests of files.
#pragma once

#include "data/dataset.h"

#include <string>
#include <utility>
#include <vector>

namespace dagan::launcher {

// Two images of each class.
inline data::Dataset small_dataset(std::vector<uint8_t> images, int classes) {
    data::DatasetInfo info;
    info.channels = 1;
    info.height = info.width = 8;
    info.source = "a test";
    info.licence = "none";
    info.polarity = "ink_is_high";
    std::vector<int> labels;
    std::vector<std::string> names;
    for (int label = 0; label < classes; ++label) {
        labels.insert(labels.end(), 2, label);
        names.push_back(std::to_string(label));
    }
    return data::Dataset(info, std::move(images), std::move(labels), std::move(names));
}

// The same with all pixels equal to `grey`.
inline data::Dataset small_dataset(uint8_t grey, int classes) {
    return small_dataset(std::vector<uint8_t>(static_cast<size_t>(classes) * 2 * 64, grey),
                         classes);
}

} // namespace dagan::launcher
