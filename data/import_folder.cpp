#include "base/error.h"
#include "base/file.h"
#include "data/image_codec.h"
#include "data/import.h"
#include "data/resample.h"
#include "data/source_files.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <ranges>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
// Images by class folder, then by file name.
using Classes = std::map<std::string, std::map<std::string, std::vector<uint8_t>>>;

bool is_picture(std::string_view name) {
    const fs::path path(name);
    for (const fs::path& part : path) {
        // File managers leave these behind.
        if (part.string().starts_with(".") || part == "__MACOSX") return false;
    }
    std::string extension = path.extension().string();
    std::ranges::transform(extension, extension.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<uint8_t> scaled_picture(const std::string& bytes, const FolderOptions& options,
                                    const std::string& source) {
    const PlanarImage image = decode_image(bytes, options.channels, source);
    const int side = std::min(image.height, image.width);
    return resample(centre_square(image.pixels, options.channels, image.height, image.width),
                    options.channels, side, side, options.size, options.resampling);
}

Classes read_classes(const fs::path& source, const FolderOptions& options) {
    Classes classes;
    for_each_file(source, is_picture, [&](std::string_view name, const std::string& bytes) {
        const std::string full_name = source.string() + ": " + std::string(name);
        const fs::path path(name);
        if (path.parent_path().empty())
            throw input_error(full_name +
                              ": is not in a class folder; hint: make one folder per class");
        auto picture = scaled_picture(bytes, options, full_name);
        if (!classes[path.parent_path().generic_string()]
                 .emplace(path.filename().string(), std::move(picture))
                 .second) {
            throw input_error(full_name + ": occurs twice in the archive");
        }
    });
    if (classes.empty())
        throw input_error(
            source.string() +
            ": contains no PNG or JPEG file; hint: make one folder of images per class");
    return classes;
}

// Returns the length of the path that all class folders share, without the class folder itself:
// that of "faces/" for "faces/Ann" and "faces/Bob".
size_t shared_prefix(const Classes& classes) {
    const std::string& first = classes.begin()->first;
    // Sorted, so the first and the last name differ earliest.
    const std::string& last = classes.rbegin()->first;
    const auto differs = std::ranges::mismatch(first, last).in1;
    const std::string shared(first.begin(), differs);
    const size_t slash = (classes.size() == 1 ? first : shared).rfind('/');
    return slash == std::string::npos ? 0 : slash + 1;
}

void check(const FolderOptions& options) {
    if (options.size < 1) throw input_error("import folder: size must be at least 1");
    if (options.channels != 1 && options.channels != 3)
        throw input_error("import folder: channels must be 1 or 3");
    if (options.polarity != "colour" && options.polarity != "ink_is_low" &&
        options.polarity != "ink_is_high") {
        throw input_error("import folder: polarity '" + options.polarity +
                          "' is not ink_is_low, ink_is_high or colour");
    }
}

DatasetInfo info_of(const std::string& source, const FolderOptions& options) {
    DatasetInfo info;
    info.channels = options.channels;
    info.height = info.width = options.size;
    info.source = source + ", centre squares resized by " + to_string(options.resampling);
    info.licence = options.licence;
    info.polarity = options.polarity;
    return info;
}
} // namespace

Dataset import_folder(const fs::path& source, const FolderOptions& options) {
    check(options);
    const Classes classes = read_classes(source, options);
    const size_t prefix = shared_prefix(classes);
    std::vector<uint8_t> images;
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (const auto& [folder, pictures] : classes) {
        for (const auto& pixels : std::views::values(pictures)) {
            images.insert(images.end(), pixels.begin(), pixels.end());
            labels.push_back(static_cast<int32_t>(names.size()));
        }
        names.push_back(folder.substr(prefix));
    }
    return {info_of(source.filename().string(), options), std::move(images), std::move(labels),
            std::move(names)};
}

Dataset import_pictures(const std::vector<fs::path>& files, const FolderOptions& options) {
    check(options);
    std::vector<uint8_t> images;
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (const fs::path& file : files) {
        if (!fs::is_regular_file(file)) throw input_error(file.string() + ": no such file");
        const auto picture = scaled_picture(read_file(file), options, file.string());
        images.insert(images.end(), picture.begin(), picture.end());
        labels.push_back(static_cast<int32_t>(names.size()));
        names.push_back(file.string());
    }
    return {info_of("pictures", options), std::move(images), std::move(labels), std::move(names)};
}

} // namespace dagan::data
