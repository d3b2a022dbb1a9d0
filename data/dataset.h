// A data set in memory: images of classes, read from one HDF5 file or from shards opened as one (data/README.md has the
// format). Everything is checked before the first image is handed out. Immutable after opening.
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
    int channels = 0, height = 0, width = 0;
    int smallest_class = 0, largest_class = 0; // images in them
    int shards = 1;
    std::string source, licence;
    std::string
        polarity; // "ink_is_low", "ink_is_high", or "colour": pictures without a background value, grey ones too
    std::string sha256; // of images and labels
};

// The files of the set that is opened by `path`: that file, or all shards when it is the first of them. Throws Blame::input when
// it is another shard or one is missing.
std::vector<std::filesystem::path> files_of_dataset(const std::filesystem::path& path);

// Reads only the headers and labels of `path` and its shards (milliseconds; for login nodes), with all the checks of
// Dataset::open but the checksums. Throws Blame::input naming file and field.
DatasetInfo read_dataset_info(const std::filesystem::path& path);

class Dataset {
  public:
    // Loads the whole set: `path` is its file, or its first shard NAME-00000-of-00008.h5. Every image passes its Fletcher32
    // and the whole its sha256. Throws Blame::input naming the file and the field that is wrong.
    static Dataset open(const std::filesystem::path& path);

    // For tests and importers: images uint8 [N, C, H, W], H = W, C 1 or 3; labels ascending from 0 without gaps. Of `info`
    // channels, height, width, source, licence and polarity are taken; counts and sha256 are computed.
    Dataset(DatasetInfo info, std::vector<uint8_t> images, std::vector<int32_t> labels,
            std::vector<std::string> class_names, std::vector<uint8_t> official_split = {});

    const DatasetInfo& info() const { return info_; }
    std::span<const uint8_t> image(int index) const; // C*H*W bytes
    int label(int index) const { return labels_[static_cast<size_t>(index)]; }
    const std::string& class_name(int label) const {
        return class_names_[static_cast<size_t>(label)];
    }

    // Images of one class are adjacent: [first, first + count).
    int first_of(int label) const { return first_[static_cast<size_t>(label)]; }
    int count_of(int label) const {
        return first_[static_cast<size_t>(label) + 1] - first_[static_cast<size_t>(label)];
    }

    std::span<const uint8_t> pixels() const { return images_; } // all images, [N, C, H, W]
    std::span<const int32_t> labels() const { return labels_; }

    // EMNIST's own split: 0 train, 1 test, per image; empty for other sets.
    std::span<const uint8_t> official_split() const { return official_split_; }

  private:
    DatasetInfo info_;
    std::vector<uint8_t> images_;
    std::vector<int32_t> labels_;
    std::vector<std::string> class_names_;
    std::vector<uint8_t> official_split_;
    std::vector<int> first_; // classes + 1
};

// Writes `data` to `path`, or to that many shards NAME-00000-of-00008.h5 beside it, each file whole or not at all. Returns the
// name to open it by. Throws Blame::system when the disk is full or the folder not writable.
std::filesystem::path save_dataset(const std::filesystem::path& path, const Dataset& data,
                                   int shards = 1);

// Reads everything and throws Blame::input as Dataset::open does; what a set must pass to be used.
DatasetInfo verify_dataset(const std::filesystem::path& path);

// Pixels as the networks see them: 2 * v / 255 - 1, in [-1, 1]. `out` has as many floats as `bytes`.
void to_network_range(std::span<const uint8_t> bytes, std::span<float> out);
// The inverse, clamped and rounded to nearest. No value may be NaN.
void to_bytes(std::span<const float> values, std::span<uint8_t> out);

} // namespace dagan::data
