// The classes of a data file by size, for messages about those that have too few images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dagan::data {

struct ClassCount {
    std::string name;
    int images = 0;
};

// Every class in label order. Reads headers and labels only, with the checks of read_dataset_info.
std::vector<ClassCount> read_class_counts(const std::filesystem::path& path);

// Name of the first of the smallest classes.
std::string smallest_class_name(const std::filesystem::path& path);

} // namespace dagan::data
