// A pool of generated images: for each training case, `per_image` images made once by the DAGAN. Same HDF5 layout as a data
// set, plus /source (the real image's index) and the DAGAN's hash (data/README.md). Written whole or not at all.
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
    // sources: the real images' indices, ascending; images uint8 [sources, per_image, C, H, W].
    Pool(int channels, int size, int per_image, std::vector<int> sources,
         std::vector<uint8_t> images, std::string gan_sha256);

    static Pool
    open(const std::filesystem::path& path); // throws Blame::input naming the file and the field
    void save(const std::filesystem::path& path) const; // atomically

    int channels() const { return channels_; }
    int size() const { return size_; } // H = W
    int per_image() const { return per_image_; }
    std::span<const int> sources() const { return sources_; }
    const std::string& gan_sha256() const { return gan_sha256_; }
    bool holds(int source) const { return row_of_.contains(source); }
    // Image k of 0 .. per_image-1 made from real image `source`: C*H*W bytes. The source must be in the pool.
    std::span<const uint8_t> image(int source, int k) const;

  private:
    int channels_, size_, per_image_;
    std::vector<int> sources_;
    std::vector<uint8_t> images_;
    std::string gan_sha256_;
    std::unordered_map<int, size_t> row_of_;
};

} // namespace dagan::data
