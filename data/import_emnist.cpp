#include "base/error.h"
#include "data/import.h"
#include "data/source_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
constexpr uint32_t kImageMagic = 0x00000803, kLabelMagic = 0x00000801;
constexpr size_t kSide = 28, kPixels = kSide * kSide;
constexpr std::string_view kClassNames = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt";

uint32_t big_endian(const std::string& bytes, size_t offset) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
    return value;
}

// The contents of an idx file whose magic number and length are correct.
struct Idx {
    std::string bytes;
    size_t count = 0, header = 0;
    const uint8_t* entry(size_t i, size_t size) const {
        return reinterpret_cast<const uint8_t*>(bytes.data()) + header + i * size;
    }
};

Idx read_idx(const fs::path& path, uint32_t magic) {
    Idx idx{read_maybe_gzip(path), 0, magic == kImageMagic ? size_t{16} : size_t{8}};
    const auto fail = [&](const std::string& why) {
        return input_error(path.string() + ": " + why);
    };
    if (idx.bytes.size() < idx.header)
        throw fail("header: truncated; the file has " + std::to_string(idx.bytes.size()) +
                   " bytes");
    const uint32_t found = big_endian(idx.bytes, 0);
    if (found != magic) {
        throw fail(fmt::format("magic number: is {:#010x}, not {:#010x}; hint: the order of the "
                               "files is train images, train labels, test images, test labels",
                               found, magic));
    }
    idx.count = big_endian(idx.bytes, 4);
    size_t entry_bytes = 1;
    if (magic == kImageMagic) {
        const uint32_t rows = big_endian(idx.bytes, 8), columns = big_endian(idx.bytes, 12);
        if (rows != kSide || columns != kSide)
            throw fail(fmt::format("image size: is {} x {}, not 28 x 28", rows, columns));
        entry_bytes = kPixels;
    }
    const size_t expected = idx.header + idx.count * entry_bytes;
    if (idx.bytes.size() != expected) {
        throw fail(fmt::format(
            "length: {} bytes, but {} entries need {}; the file is truncated or damaged",
            idx.bytes.size(), idx.count, expected));
    }
    return idx;
}

// One half of the official split, with the positions of the images of each class.
struct Half {
    Idx images, labels;
    std::array<std::vector<size_t>, kClassNames.size()> of_class;
};

Half read_half(const fs::path& images, const fs::path& labels) {
    Half half{read_idx(images, kImageMagic), read_idx(labels, kLabelMagic), {}};
    if (half.images.count != half.labels.count) {
        throw input_error(fmt::format("{}: count: {} labels for the {} images of {}",
                                      labels.string(), half.labels.count, half.images.count,
                                      images.string()));
    }
    for (size_t i = 0; i < half.labels.count; ++i) {
        const uint8_t label = *half.labels.entry(i, 1);
        if (label >= kClassNames.size()) {
            throw input_error(
                fmt::format("{}: label {}: is {}; EMNIST Balanced and ByMerge have 0 to {}",
                            labels.string(), i, label, kClassNames.size() - 1));
        }
        half.of_class[label].push_back(i);
    }
    return half;
}

// Transposes, upright[r][c] = raw[c][r], and inverts to ink 0 on 255, as in Omniglot.
void append_upright(std::vector<uint8_t>& out, const uint8_t* raw) {
    for (size_t r = 0; r < kSide; ++r) {
        for (size_t c = 0; c < kSide; ++c)
            out.push_back(static_cast<uint8_t>(255 - raw[c * kSide + r]));
    }
}
} // namespace

Dataset import_emnist(const EmnistFiles& files) {
    const std::array<Half, 2> halves{read_half(files.train_images, files.train_labels),
                                     read_half(files.test_images, files.test_labels)};
    DatasetInfo info;
    info.channels = 1;
    info.height = info.width = static_cast<int>(kSide);
    info.source = "EMNIST (Cohen, Afshar, Tapson, van Schaik, 2017), upright and inverted, from " +
                  files.train_images.filename().string() + " and " +
                  files.test_images.filename().string();
    info.licence = "public domain (NIST Special Database 19)";
    info.polarity = "ink_is_low";
    std::vector<uint8_t> images, split;
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    images.reserve((halves[0].images.count + halves[1].images.count) * kPixels);
    for (size_t label = 0; label < kClassNames.size(); ++label) {
        names.emplace_back(1, kClassNames[label]);
        for (uint8_t mark = 0; mark < 2; ++mark) { // 0 train, 1 test
            for (const size_t i : halves[mark].of_class[label]) {
                append_upright(images, halves[mark].images.entry(i, kPixels));
                labels.push_back(static_cast<int32_t>(label));
                split.push_back(mark);
            }
        }
        if (labels.empty() || labels.back() != static_cast<int32_t>(label)) {
            throw input_error(files.train_labels.string() + ": class '" + names.back() +
                              "': has no image, neither here nor among the test labels");
        }
    }
    return {info, std::move(images), std::move(labels), std::move(names), std::move(split)};
}

} // namespace dagan::data
