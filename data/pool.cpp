#include "data/pool.h"

#include "base/error.h"
#include "base/hash.h"
#include "data/hdf5_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
constexpr const char* kFormat = "dagan-pool";
constexpr int64_t kVersion = 1;

std::string content_sha256(std::span<const uint8_t> images, std::span<const int32_t> sources) {
    Sha256 hash;
    hash.update(std::as_bytes(images));
    hash.update(std::as_bytes(sources));
    return hash.hex();
}

// Returns the source of each image, as stored: every source per_image times.
std::vector<int32_t> repeated(std::span<const int> sources, int per_image) {
    std::vector<int32_t> all;
    for (const int source : sources) all.insert(all.end(), static_cast<size_t>(per_image), source);
    return all;
}

// Reads /source and returns its distinct values. Each must occur per_image times, ascending.
std::vector<int> read_sources(const H5Reader& file, int64_t images, int64_t per_image) {
    if (file.shape("source", H5Element::int32, 1)[0] != images)
        throw file.fail("/source", "must have an entry for each image");
    if (per_image < 1 || images % per_image != 0) {
        throw file.fail("attribute per_image",
                        fmt::format("is {}, which does not divide {} images", per_image, images));
    }
    std::vector<int32_t> all(static_cast<size_t>(images));
    file.read("source", all);
    std::vector<int> sources;
    for (size_t i = 0; i < all.size(); ++i) {
        const bool begins = i % static_cast<size_t>(per_image) == 0;
        const bool fits = begins ? all[i] > (i == 0 ? -1 : all[i - 1]) : all[i] == all[i - 1];
        if (!fits)
            throw file.fail(
                "/source", fmt::format("entry {} is {}; each source must occur {} times, ascending",
                                       i, all[i], per_image));
        if (begins) sources.push_back(all[i]);
    }
    return sources;
}
} // namespace

Pool::Pool(int channels, int size, int per_image, std::vector<int> sources,
           std::vector<uint8_t> images, std::string gan_sha256)
    : channels_(channels), size_(size), per_image_(per_image), sources_(std::move(sources)),
      images_(std::move(images)), gan_sha256_(std::move(gan_sha256)) {
    require(channels > 0 && size > 0 && per_image > 0 && !sources_.empty(), "a pool has images");
    require(std::ranges::is_sorted(sources_, std::less_equal<>()),
            "sources ascend without repetition");
    const size_t image_bytes =
        static_cast<size_t>(channels) * static_cast<size_t>(size) * static_cast<size_t>(size);
    require(images_.size() == sources_.size() * static_cast<size_t>(per_image) * image_bytes,
            "per_image images of each source");
    for (size_t row = 0; row < sources_.size(); ++row) row_of_[sources_[row]] = row;
}

std::span<const uint8_t> Pool::image(int source, int k) const {
    const auto row = row_of_.find(source);
    require(row != row_of_.end(), "the source is in the pool");
    require(k >= 0 && k < per_image_, "k is below per_image");
    const size_t bytes =
        static_cast<size_t>(channels_) * static_cast<size_t>(size_) * static_cast<size_t>(size_);
    return std::span(images_).subspan(
        (row->second * static_cast<size_t>(per_image_) + static_cast<size_t>(k)) * bytes, bytes);
}

void Pool::save(const fs::path& path) const {
    const std::vector<int32_t> all = repeated(sources_, per_image_);
    H5Writer file(path);
    file.attribute("format", kFormat);
    file.attribute("version", kVersion);
    file.attribute("per_image", static_cast<int64_t>(per_image_));
    file.attribute("gan_sha256", gan_sha256_);
    file.attribute("sha256", content_sha256(images_, all));
    file.write_images("images", {static_cast<int64_t>(all.size()), channels_, size_, size_},
                      images_);
    file.write("source", all);
    file.save();
}

Pool Pool::open(const fs::path& path) {
    const H5Reader file(path);
    const std::string format = file.text_attribute("format");
    if (format != kFormat)
        throw file.fail("attribute format", fmt::format("is '{}', not '{}'", format, kFormat));
    const int64_t version = file.integer_attribute("version");
    if (version != kVersion)
        throw file.fail("attribute version",
                        fmt::format("is {}; this program reads version {}", version, kVersion));
    const std::vector<int64_t> shape = file.shape("images", H5Element::uint8, 4);
    if (shape[2] != shape[3] ||
        std::ranges::any_of(shape, [](int64_t n) { return n < 1 || n > INT_MAX; })) {
        throw file.fail("/images", "must contain at least one image, all of them square");
    }
    const int64_t per_image = file.integer_attribute("per_image");
    std::vector<int> sources = read_sources(file, shape[0], per_image);
    std::vector<uint8_t> images(static_cast<size_t>(shape[0] * shape[1] * shape[2] * shape[3]));
    file.read("images", images);
    if (file.text_attribute("sha256") !=
        content_sha256(images, repeated(sources, static_cast<int>(per_image)))) {
        throw file.fail("attribute sha256",
                        "does not match the images and sources; the file was altered");
    }
    return {static_cast<int>(shape[1]),  static_cast<int>(shape[2]),
            static_cast<int>(per_image), std::move(sources),
            std::move(images),           file.text_attribute("gan_sha256")};
}

} // namespace dagan::data
