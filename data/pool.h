// A pool of generated images: for each training case, `per_image` images that the DAGAN generated
// once. Stored like a data set in HDF5, with the index of each source image and the hash of the
// DAGAN's weights (docs/reference/files.md). Immutable and safe to share between threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace dagan::data {

class Pool {
  public:
    // `sources`: indices of the real images, ascending. `images`: [sources, per_image, C, size,
    // size].
    // Throws Blame::bug if the parts do not fit together.
    Pool(int channels, int size, int per_image, std::vector<int> sources,
         std::vector<uint8_t> images, std::string gan_sha256);

    // Reads and checks a pool. Throws Blame::input naming the file and the field.
    static Pool open(const std::filesystem::path& path);
    // Writes it atomically. Throws Blame::system.
    void save(const std::filesystem::path& path) const;

    int channels() const { return channels_; }
    // Height and width of the images.
    int size() const { return size_; }
    int per_image() const { return per_image_; }
    std::span<const int> sources() const { return sources_; }
    const std::string& gan_sha256() const { return gan_sha256_; }
    bool holds(int source) const { return row_of_.contains(source); }
    // Returns the C*H*W bytes of image k, 0 <= k < per_image(), generated from real image `source`.
    // holds(source) must be true. Valid as long as the Pool.
    std::span<const uint8_t> image(int source, int k) const;

  private:
    int channels_, size_, per_image_;
    std::vector<int> sources_;
    std::vector<uint8_t> images_;
    std::string gan_sha256_;
    std::unordered_map<int, size_t> row_of_;
};

} // namespace dagan::data
