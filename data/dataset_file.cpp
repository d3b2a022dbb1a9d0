// Reads and writes the file format of data sets (docs/reference/files.md).
#include "data/dataset.h"

#include "base/error.h"
#include "data/class_counts.h"
#include "data/hdf5_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <regex>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
constexpr const char* kFormat = "dagan-dataset";
constexpr int64_t kVersion = 1;
// A larger size indicates a damaged header.
constexpr int64_t kLargestSide = 4096;

struct Shard {
    H5Reader file;
    int64_t images = 0;
};

// A whole set without its pixels, checked.
struct Header {
    DatasetInfo info;
    std::vector<Shard> shards;
    std::vector<int32_t> labels;
    std::vector<std::string> class_names;
    bool has_official_split = false;
};

fs::path shard_path(const fs::path& path, int shard, int shards) {
    fs::path name = path;
    name.replace_filename(fmt::format("{}-{:05}-of-{:05}{}", path.stem().string(), shard, shards,
                                      path.extension().string()));
    return name;
}

} // namespace

std::vector<fs::path> files_of_dataset(const fs::path& path) {
    static const std::regex kShardName("(.+)-([0-9]{5})-of-([0-9]{5})");
    std::smatch match;
    const std::string stem = path.stem().string();
    if (!std::regex_match(stem, match, kShardName)) return {path};
    fs::path whole = path;
    whole.replace_filename(match[1].str() + path.extension().string());
    const int shards = std::stoi(match[3]);
    if (std::stoi(match[2]) != 0) {
        throw input_error(path.string() + ": is not the first shard; hint: open " +
                          shard_path(whole, 0, shards).string());
    }
    if (shards == 0) throw input_error(path.string() + ": file name: the number of shards is 0");
    std::vector<fs::path> files;
    for (int shard = 0; shard < shards; ++shard) {
        files.push_back(shard_path(whole, shard, shards));
        std::error_code ignored;
        if (shard > 0 && !fs::exists(files.back(), ignored)) {
            throw input_error(files.back().string() +
                              ": missing shard of the set that begins with " + path.string());
        }
    }
    return files;
}

namespace {
void check_format(const H5Reader& file) {
    const std::string format = file.text_attribute("format");
    if (format != kFormat)
        throw file.fail("attribute format", fmt::format("is '{}', not '{}'", format, kFormat));
    const int64_t version = file.integer_attribute("version");
    if (version != kVersion) {
        throw file.fail("attribute version",
                        fmt::format("is {}; this program reads version {}", version, kVersion));
    }
}

// Reads sizes and texts of one file. The caller fills in the counts of classes and images.
DatasetInfo read_attributes(const H5Reader& file, const std::vector<int64_t>& shape) {
    DatasetInfo info;
    if (shape[1] != 1 && shape[1] != 3)
        throw file.fail("/images", fmt::format("must have 1 or 3 channels, has {}", shape[1]));
    if (shape[2] != shape[3] || shape[2] < 1 || shape[2] > kLargestSide) {
        throw file.fail("/images",
                        fmt::format("images must be square and at most {} pixels wide, are {} x {}",
                                    kLargestSide, shape[2], shape[3]));
    }
    info.channels = static_cast<int>(shape[1]);
    info.height = static_cast<int>(shape[2]);
    info.width = static_cast<int>(shape[3]);
    info.source = file.text_attribute("source");
    info.licence = file.text_attribute("licence");
    info.polarity = file.text_attribute("polarity");
    if (info.polarity != "ink_is_low" && info.polarity != "ink_is_high" &&
        info.polarity != "colour") {
        throw file.fail("attribute polarity",
                        "is '" + info.polarity + "', not ink_is_low, ink_is_high or colour");
    }
    info.sha256 = file.text_attribute("sha256");
    static const std::regex kSha256("[0-9a-f]{64}");
    if (!std::regex_match(info.sha256, kSha256))
        throw file.fail("attribute sha256", "is not 64 lower-case hex digits");
    return info;
}

void check_same_set(const H5Reader& file, const DatasetInfo& first, const DatasetInfo& here) {
    if (here.sha256 != first.sha256)
        throw file.fail("attribute sha256",
                        "differs from the first shard's; the file belongs to another set");
    if (here.channels != first.channels || here.height != first.height) {
        throw file.fail("/images", "image size differs from the first shard's");
    }
    if (here.polarity != first.polarity)
        throw file.fail("attribute polarity", "differs from the first shard's");
}

// Appends the labels of one shard, which must continue those of the previous one without gaps.
void append_labels(const H5Reader& file, int64_t images, std::vector<int32_t>& labels) {
    const int64_t count = file.shape("labels", H5Element::int32, 1)[0];
    if (count != images)
        throw file.fail("/labels", fmt::format("has {} entries for {} images", count, images));
    const size_t begin = labels.size();
    labels.resize(begin + static_cast<size_t>(count));
    file.read("labels", std::span(labels).subspan(begin));
    for (size_t i = begin; i < labels.size(); ++i) {
        const int32_t previous = i == 0 ? -1 : labels[i - 1];
        const bool ascends = labels[i] == previous + 1 || (i > 0 && labels[i] == previous);
        if (!ascends) {
            throw file.fail(
                "/labels",
                fmt::format("entry {} is {} after {}; labels must ascend from 0 without gaps",
                            i - begin, labels[i], previous));
        }
    }
}

void count_classes(Header& header) {
    DatasetInfo& info = header.info;
    info.classes = header.labels.back() + 1;
    info.images = static_cast<int>(header.labels.size());
    info.shards = static_cast<int>(header.shards.size());
    std::vector<int> counts(static_cast<size_t>(info.classes), 0);
    for (const int32_t label : header.labels) ++counts[static_cast<size_t>(label)];
    const auto [smallest, largest] = std::ranges::minmax(counts);
    info.smallest_class = smallest;
    info.largest_class = largest;
}

Header read_header(const fs::path& path) {
    Header header;
    for (const fs::path& name : files_of_dataset(path)) {
        H5Reader file(name);
        check_format(file);
        const std::vector<int64_t> shape = file.shape("images", H5Element::uint8, 4);
        const DatasetInfo here = read_attributes(file, shape);
        if (header.shards.empty()) header.info = here;
        check_same_set(file, header.info, here);
        if (shape[0] < 1) throw file.fail("/images", "contains no image");
        if (shape[0] > INT_MAX - static_cast<int64_t>(header.labels.size()))
            throw file.fail("/images", "contains too many images");
        append_labels(file, shape[0], header.labels);

        const bool has_split = file.has("official_split");
        if (header.shards.empty()) header.has_official_split = has_split;
        if (has_split != header.has_official_split)
            throw file.fail("/official_split", "is in some shards but not in others");
        if (has_split && file.shape("official_split", H5Element::uint8, 1)[0] != shape[0]) {
            throw file.fail("/official_split", fmt::format("must have {} entries", shape[0]));
        }
        header.shards.push_back({std::move(file), shape[0]});
    }
    count_classes(header);
    for (const Shard& shard : header.shards) {
        const int64_t names = shard.file.shape("class_names", H5Element::text, 1)[0];
        if (names != header.info.classes) {
            throw shard.file.fail("/class_names", fmt::format("has {} names for {} classes", names,
                                                              header.info.classes));
        }
    }
    header.class_names = header.shards.front().file.read_texts("class_names");
    return header;
}

std::vector<uint8_t> read_official_split(const Header& header) {
    if (!header.has_official_split) return {};
    std::vector<uint8_t> marks(header.labels.size());
    size_t begin = 0;
    for (const Shard& shard : header.shards) {
        const auto part = std::span(marks).subspan(begin, static_cast<size_t>(shard.images));
        shard.file.read("official_split", part);
        if (std::ranges::any_of(part, [](uint8_t mark) { return mark > 1; })) {
            throw shard.file.fail("/official_split",
                                  "contains values other than 0 (train) and 1 (test)");
        }
        begin += part.size();
    }
    return marks;
}

void write_shard(const fs::path& path, const Dataset& data, int begin, int end) {
    const DatasetInfo& info = data.info();
    const auto first = static_cast<size_t>(begin);
    const auto count = static_cast<size_t>(end - begin);
    const size_t image_bytes = data.image(0).size();
    std::vector<std::string> names;
    for (int label = 0; label < info.classes; ++label) names.push_back(data.class_name(label));
    H5Writer file(path);
    file.attribute("format", kFormat);
    file.attribute("version", kVersion);
    file.attribute("source", info.source);
    file.attribute("licence", info.licence);
    file.attribute("polarity", info.polarity);
    file.attribute("sha256", info.sha256);
    file.write_images("images", {end - begin, info.channels, info.height, info.width},
                      data.pixels().subspan(first * image_bytes, count * image_bytes));
    file.write("labels", data.labels().subspan(first, count));
    file.write("class_names", names);
    if (!data.official_split().empty())
        file.write("official_split", data.official_split().subspan(first, count));
    file.save();
}
} // namespace

DatasetInfo read_dataset_info(const fs::path& path) { return read_header(path).info; }

std::vector<ClassCount> read_class_counts(const fs::path& path) {
    const Header header = read_header(path);
    std::vector<ClassCount> counts;
    for (const std::string& name : header.class_names) counts.push_back({name, 0});
    for (const int32_t label : header.labels) ++counts[static_cast<size_t>(label)].images;
    return counts;
}

std::string smallest_class_name(const fs::path& path) {
    const std::vector<ClassCount> counts = read_class_counts(path);
    return std::ranges::min_element(counts, {}, &ClassCount::images)->name;
}

Dataset Dataset::open(const fs::path& path) {
    Header header = read_header(path);
    const DatasetInfo& info = header.info;
    const size_t image_bytes = static_cast<size_t>(info.channels) *
                               static_cast<size_t>(info.height) * static_cast<size_t>(info.width);
    std::vector<uint8_t> images(header.labels.size() * image_bytes);
    size_t begin = 0;
    for (const Shard& shard : header.shards) {
        const size_t bytes = static_cast<size_t>(shard.images) * image_bytes;
        shard.file.read("images", std::span(images).subspan(begin, bytes));
        begin += bytes;
    }
    std::vector<uint8_t> split = read_official_split(header);
    Dataset data(info, std::move(images), std::move(header.labels), std::move(header.class_names),
                 std::move(split));
    if (data.info().sha256 != info.sha256) {
        throw header.shards.front().file.fail(
            "attribute sha256", "does not match the images and labels; the file was altered");
    }
    return data;
}

fs::path save_dataset(const fs::path& path, const Dataset& data, int shards) {
    if (shards < 1 || shards > data.info().images || shards > 99999) {
        throw input_error(fmt::format("{}: cannot split {} images into {} shards", path.string(),
                                      data.info().images, shards));
    }
    if (shards == 1) {
        write_shard(path, data, 0, data.info().images);
        return path;
    }
    for (int shard = 0; shard < shards; ++shard) {
        const auto bound = [&](int i) {
            return static_cast<int>(static_cast<int64_t>(data.info().images) * i / shards);
        };
        write_shard(shard_path(path, shard, shards), data, bound(shard), bound(shard + 1));
    }
    return shard_path(path, 0, shards);
}

DatasetInfo verify_dataset(const fs::path& path) { return Dataset::open(path).info(); }

} // namespace dagan::data
