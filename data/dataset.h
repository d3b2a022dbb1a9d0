// A data set in memory: images of classes, read from one HDF5 file or from shards that are opened
// as one. docs/reference/files.md has the format. Everything is checked on opening; a Dataset is
// immutable and safe to share between threads.
//
//     const Dataset data = Dataset::open("data/sets/omniglot.h5");
//     const auto first = data.image(data.first_of(7));   // [C, H, W], 0 .. 255
//     std::vector<float> pixels(first.size());
//     to_network_range(first, pixels);                   // -1 .. 1
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace dagan::data {

struct DatasetInfo {
    int classes = 0;
    int images = 0;
    // channels is 1 or 3; height = width, 1 .. 4096.
    int channels = 0, height = 0, width = 0;
    // Images of the smallest and of the largest class.
    int smallest_class = 0, largest_class = 0;
    int shards = 1;
    std::string source, licence;
    // "ink_is_low", "ink_is_high", or "colour": pictures without a background value, grey ones too.
    std::string polarity;
    // Of images and labels, 64 hex digits.
    std::string sha256;
};

// Returns the files of the set that is opened by `path`: the file itself, or all shards if it is
// the first of them. Throws Blame::input if it is another shard or if one is missing.
std::vector<std::filesystem::path> files_of_dataset(const std::filesystem::path& path);

// Reads only the headers and labels of `path` and its shards, with all checks of Dataset::open()
// except the checksums. Takes milliseconds, so it can run on login nodes.
// Throws Blame::input naming the file and the field.
DatasetInfo read_dataset_info(const std::filesystem::path& path);

class Dataset {
  public:
    // Loads a whole set. `path`: its file, or its first shard NAME-00000-of-00008.h5. Checks the
    // Fletcher32 of every image and the sha256 of the whole.
    // Throws Blame::input naming the file and the field.
    static Dataset open(const std::filesystem::path& path);

    // Makes a set in memory, for importers and tests. `images`: [N, C, H, W] with H = W, C 1 or 3.
    // `labels`: [N], ascending from 0 without gaps. `class_names`: one per class. `official_split`:
    // [N] or empty. Takes channels, height, width, source, licence and polarity from `info`, and
    // computes the rest. Throws Blame::bug if the parts do not fit together.
    Dataset(DatasetInfo info, std::vector<uint8_t> images, std::vector<int32_t> labels,
            std::vector<std::string> class_names, std::vector<uint8_t> official_split = {});

    const DatasetInfo& info() const { return info_; }
    // Returns the C*H*W bytes of an image, 0 <= index < images. Valid as long as the Dataset.
    std::span<const uint8_t> image(int index) const;
    int label(int index) const { return labels_[static_cast<size_t>(index)]; }
    const std::string& class_name(int label) const {
        return class_names_[static_cast<size_t>(label)];
    }

    // The images of a class are adjacent: [first_of(label), first_of(label) + count_of(label)).
    int first_of(int label) const { return first_[static_cast<size_t>(label)]; }
    int count_of(int label) const {
        return first_[static_cast<size_t>(label) + 1] - first_[static_cast<size_t>(label)];
    }

    // All images, [N, C, H, W].
    std::span<const uint8_t> pixels() const { return images_; }
    // [N].
    std::span<const int32_t> labels() const { return labels_; }

    // The split that EMNIST is published with, [N]: 0 train, 1 test. Empty for other sets.
    std::span<const uint8_t> official_split() const { return official_split_; }

  private:
    DatasetInfo info_;
    std::vector<uint8_t> images_;
    std::vector<int32_t> labels_;
    std::vector<std::string> class_names_;
    std::vector<uint8_t> official_split_;
    std::vector<int> first_; // [classes + 1]
};

// Writes `data` to `path`, or to `shards` files NAME-00000-of-00008.h5 beside it, each file
// complete or not at all. Returns the path that opens the set. Throws Blame::input if the images
// cannot be split into `shards` files, Blame::system if the disk is full or the folder not
// writable.
std::filesystem::path save_dataset(const std::filesystem::path& path, const Dataset& data,
                                   int shards = 1);

// Reads a whole set with all checks of Dataset::open(), and throws as it does.
DatasetInfo verify_dataset(const std::filesystem::path& path);

// Converts pixels to the range of the networks: 2 * v / 255 - 1, in [-1, 1]. `out` has as many
// elements as `bytes`.
void to_network_range(std::span<const uint8_t> bytes, std::span<float> out);
// The inverse, clamped to 0 .. 255 and rounded to nearest. Throws Blame::bug on NaN.
void to_bytes(std::span<const float> values, std::span<uint8_t> out);

} // namespace dagan::data
