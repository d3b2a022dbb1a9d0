#include "base/error.h"
#include "data/image_codec.h"
#include "data/import.h"
#include "data/resample.h"
#include "data/source_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
constexpr int kDrawers = 20;

struct EntryName {
    int character = 0, drawer = 0; // IIII and DD
    std::string class_name;        // "<Alphabet>/characterNN"
};

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Returns the parts of ".../<Alphabet>/characterNN/IIII_DD.png"; nullopt for other files.
std::optional<EntryName> parse_name(std::string_view name) {
    const fs::path path(name);
    const std::string stem = path.stem().string(), folder = path.parent_path().filename().string();
    if (path.extension() != ".png" || stem.size() != 7 || stem[4] != '_') return std::nullopt;
    if (!all_digits(stem.substr(0, 4)) || !all_digits(stem.substr(5)) ||
        !folder.starts_with("character"))
        return std::nullopt;
    return EntryName{std::stoi(stem.substr(0, 4)), std::stoi(stem.substr(5)),
                     path.parent_path().parent_path().filename().string() + "/" + folder};
}

struct Character {
    std::string name;
    std::map<int, std::vector<uint8_t>> drawings; // by drawer
};
using Characters = std::map<int, Character>; // by IIII

void read_source(const fs::path& source, const OmniglotOptions& options, Characters& characters) {
    const auto accepts = [](std::string_view name) { return parse_name(name).has_value(); };
    bool any = false;
    for_each_file(source, accepts, [&](std::string_view name, const std::string& bytes) {
        any = true;
        const std::string full_name = source.string() + ": " + std::string(name);
        const EntryName entry = *parse_name(name);
        const PlanarImage image = decode_image(bytes, 1, full_name);
        if (image.height != image.width) throw input_error(full_name + ": is not square");
        Character& character = characters[entry.character];
        if (character.name.empty()) character.name = entry.class_name;
        if (character.name != entry.class_name) {
            throw input_error(full_name + ": class " + std::to_string(entry.character) +
                              " is also in " + character.name);
        }
        auto small =
            resample(image.pixels, 1, image.height, image.width, options.size, options.resampling);
        if (!character.drawings.emplace(entry.drawer, std::move(small)).second) {
            throw input_error(full_name +
                              ": duplicate drawing; hint: check that no source is given twice");
        }
    });
    if (!any) {
        throw input_error(
            source.string() +
            ": contains no <Alphabet>/characterNN/IIII_DD.png; hint: give images_background.zip "
            "and images_evaluation.zip of the Omniglot distribution, or the folders in them");
    }
}

// Class index = IIII - 1 requires that no class is missing.
void check_complete(const Characters& characters) {
    int expected = 1;
    for (const auto& [number, character] : characters) {
        if (number != expected) {
            throw input_error(fmt::format(
                "Omniglot: class {:04} is missing (the next is {:04} {}); hint: give both zips",
                expected, number, character.name));
        }
        const auto count = static_cast<int>(character.drawings.size());
        if (count != kDrawers || character.drawings.begin()->first != 1 ||
            character.drawings.rbegin()->first != kDrawers) {
            throw input_error(
                fmt::format("Omniglot: class {:04} {} has {} drawings, not one of each of "
                            "the drawers 01 to {}; hint: check that its zip is complete",
                            number, character.name, count, kDrawers));
        }
        ++expected;
    }
}
} // namespace

Dataset import_omniglot(const std::vector<fs::path>& sources, const OmniglotOptions& options) {
    if (options.size < 1) throw input_error("import omniglot: size must be at least 1");
    if (sources.empty())
        throw input_error("import omniglot: no source; hint: give images_background.zip and "
                          "images_evaluation.zip");
    Characters characters;
    for (const fs::path& source : sources) read_source(source, options, characters);
    check_complete(characters);

    DatasetInfo info;
    info.channels = 1;
    info.height = info.width = options.size;
    info.source = "Omniglot (Lake, Salakhutdinov, Tenenbaum, Science 350, 2015), resized by " +
                  to_string(options.resampling);
    info.licence = "MIT, (c) 2015 Brenden Lake";
    info.polarity = "ink_is_low";
    std::vector<uint8_t> images;
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (const auto& [number, character] : characters) {
        for (const auto& [drawer, pixels] : character.drawings) {
            images.insert(images.end(), pixels.begin(), pixels.end());
            labels.push_back(number - 1);
        }
        names.push_back(character.name);
    }
    return {info, std::move(images), std::move(labels), std::move(names)};
}

} // namespace dagan::data
