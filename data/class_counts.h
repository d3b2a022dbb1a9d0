// The classes of a data file by size, for messages about classes with too few images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dagan::data {

struct ClassCount {
    std::string name;
    int images = 0;
};

// Returns every class in label order. Reads headers and labels only, with the checks of
// read_dataset_info(); throws as it does.
std::vector<ClassCount> read_class_counts(const std::filesystem::path& path);

// Returns the name of the smallest class; on ties, of the first of them.
std::string smallest_class_name(const std::filesystem::path& path);

} // namespace dagan::data
