#include "base/error.h"
#include "data/import.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <regex>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
enum class Element { uint8, float32, float64 };

size_t bytes_of(Element element) {
    return element == Element::uint8 ? 1 : element == Element::float32 ? 4 : 8;
}

// A .npy file whose header has been read; the stream is at the first element.
struct Array {
    std::ifstream file;
    Element element = Element::uint8;
    std::array<int64_t, 5> shape{}; // classes, samples, H, W, C
};

Error fail(const fs::path& path, const std::string& why) {
    return input_error(path.string() + ": " + why);
}

// Returns the Python dictionary after the magic string, as text (format versions 1 to 3).
std::string read_header(std::ifstream& file, const fs::path& path) {
    std::array<char, 8> start{};
    if (!file.read(start.data(), start.size()) || std::memcmp(start.data(), "\x93NUMPY", 6) != 0) {
        throw fail(path, "magic string: not a NumPy .npy file");
    }
    const int major = start[6];
    if (major < 1 || major > 3)
        throw fail(path, fmt::format("format version: is {}, not 1, 2 or 3", major));
    std::array<uint8_t, 4> length_bytes{};
    const size_t count = major == 1 ? 2 : 4;
    file.read(reinterpret_cast<char*>(length_bytes.data()), static_cast<std::streamsize>(count));
    size_t length = 0;
    for (size_t i = count; i-- > 0;) length = length << 8 | length_bytes[i];
    if (!file || length > 65536) throw fail(path, "header: truncated or too long");
    std::string header(length, '\0');
    if (!file.read(header.data(), static_cast<std::streamsize>(length)))
        throw fail(path, "header: truncated");
    return header;
}

std::string find_field(const std::string& header, const std::regex& pattern, const char* field,
                       const fs::path& path) {
    std::smatch match;
    if (!std::regex_search(header, match, pattern))
        throw fail(path, std::string("header: ") + field + " is missing");
    return match[1];
}

Element parse_element(const std::string& descr, const fs::path& path) {
    if (descr == "|u1" || descr == "<u1") return Element::uint8;
    if (descr == "<f4") return Element::float32;
    if (descr == "<f8") return Element::float64;
    throw fail(path, "descr: element type is '" + descr +
                         "', not uint8 (|u1) or little-endian float (<f4, <f8)");
}

std::array<int64_t, 5> parse_shape(const std::string& text, const fs::path& path) {
    static const std::regex kNumber("[0-9]+");
    std::vector<int64_t> sizes;
    for (std::sregex_iterator it(text.begin(), text.end(), kNumber), end; it != end; ++it) {
        const std::string digits = it->str();
        if (digits.size() > 9) throw fail(path, "shape: (" + text + ") is too large");
        sizes.push_back(std::stoll(digits));
    }
    if (sizes.size() != 5)
        throw fail(path, "shape: (" + text +
                             ") does not have the five dimensions classes, samples, H, W, C");
    std::array<int64_t, 5> shape{};
    std::ranges::copy(sizes, shape.begin());
    const auto [classes, samples, height, width, channels] = shape;
    if (classes < 1 || samples < 1 || height < 1)
        throw fail(path, "shape: (" + text + ") contains no image");
    if (height != width) throw fail(path, "shape: (" + text + "): images must be square");
    if (channels != 1 && channels != 3)
        throw fail(path, "shape: (" + text + "): images must have 1 or 3 channels, last");
    if (height > 4096 || classes > std::numeric_limits<int32_t>::max() / samples)
        throw fail(path, "shape: (" + text + ") is too large");
    return shape;
}

Array open_array(const fs::path& path) {
    Array array{std::ifstream(path, std::ios::binary), Element::uint8, {}};
    if (!array.file) throw fail(path, "cannot be opened; hint: check the path");
    const std::string header = read_header(array.file, path);
    static const std::regex kDescr("'descr':\\s*'([^']*)'"),
        kOrder("'fortran_order':\\s*(True|False)"), kShape("'shape':\\s*\\(([^)]*)\\)");
    array.element = parse_element(find_field(header, kDescr, "descr", path), path);
    if (find_field(header, kOrder, "fortran_order", path) != "False")
        throw fail(path, "fortran_order: must be False; hint: save the array in C order");
    array.shape = parse_shape(find_field(header, kShape, "shape", path), path);

    uint64_t needs = static_cast<uint64_t>(array.file.tellg());
    uint64_t elements = 1;
    for (const int64_t size : array.shape) elements *= static_cast<uint64_t>(size);
    needs += elements * bytes_of(array.element);
    const uint64_t has = fs::file_size(path);
    if (has != needs) {
        throw fail(path,
                   fmt::format("length: {} bytes, but the header's shape needs {}; {}", has, needs,
                               has < needs ? "the file is truncated" : "the file has extra bytes"));
    }
    return array;
}

// Converts a float in [0, 1] to a byte.
template <class Float> uint8_t to_byte(const char* at, const fs::path& path, int64_t image) {
    Float value = 0;
    std::memcpy(&value, at, sizeof value);
    if (!(value >= 0 && value <= 1)) {
        throw fail(path, fmt::format("image {}: has the value {}, outside [0, 1]; hint: divide "
                                     "8-bit values by 255 or save them as uint8",
                                     image, value));
    }
    return static_cast<uint8_t>(std::lround(value * 255));
}

// Appends one image [H, W, C] as planes.
void append_image(Array& array, const fs::path& path, int64_t image, std::vector<uint8_t>& out) {
    const auto pixels = static_cast<size_t>(array.shape[2] * array.shape[3]),
               channels = static_cast<size_t>(array.shape[4]);
    const size_t bytes = bytes_of(array.element);
    std::vector<char> raw(pixels * channels * bytes);
    if (!array.file.read(raw.data(), static_cast<std::streamsize>(raw.size())))
        throw fail(path, "cannot be read");
    for (size_t c = 0; c < channels; ++c) {
        for (size_t i = 0; i < pixels; ++i) {
            const char* at = raw.data() + (i * channels + c) * bytes;
            switch (array.element) {
            case Element::uint8: out.push_back(static_cast<uint8_t>(*at)); break;
            case Element::float32: out.push_back(to_byte<float>(at, path, image)); break;
            case Element::float64: out.push_back(to_byte<double>(at, path, image)); break;
            }
        }
    }
}
} // namespace

Dataset import_npy(const fs::path& file, const ArrayOptions& options) {
    if (options.polarity != "colour" && options.polarity != "ink_is_low" &&
        options.polarity != "ink_is_high") {
        throw input_error("import npy: polarity '" + options.polarity +
                          "' is not ink_is_low, ink_is_high or colour");
    }
    Array array = open_array(file);
    DatasetInfo info;
    info.channels = static_cast<int>(array.shape[4]);
    info.height = info.width = static_cast<int>(array.shape[2]);
    info.source = file.filename().string();
    info.licence = options.licence;
    info.polarity = options.polarity;
    std::vector<uint8_t> images;
    images.reserve(static_cast<size_t>(array.shape[0] * array.shape[1] * array.shape[2] *
                                       array.shape[3] * array.shape[4]));
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (int64_t label = 0; label < array.shape[0]; ++label) {
        names.push_back("class " + std::to_string(label));
        for (int64_t sample = 0; sample < array.shape[1]; ++sample) {
            append_image(array, file, label * array.shape[1] + sample, images);
            labels.push_back(static_cast<int32_t>(label));
        }
    }
    return {info, std::move(images), std::move(labels), std::move(names)};
}

} // namespace dagan::data
