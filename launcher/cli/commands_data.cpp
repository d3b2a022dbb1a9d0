// dagan data import|make|info|verify|show
#include "base/error.h"
#include "data/contact_sheet.h"
#include "data/dataset.h"
#include "data/import.h"
#include "data/strokes.h"
#include "launcher/cli/commands.h"
#include "spec/json.h"

#include <fmt/format.h>

#include <iostream>
#include <memory>

namespace dagan::launcher {

namespace {
struct Output {
    std::string path;
    int shards = 1;

    void add_to(CLI::App& command) {
        command.add_option("-o,--output", path, "HDF5 file to write")->required();
        command.add_option("--shards", shards, "write NAME-00000-of-0000K.h5 instead of one file")
            ->check(CLI::Range(1, 100000));
    }
    void save(const data::Dataset& data) const {
        const auto written = data::save_dataset(path, data, shards);
        const data::DatasetInfo& info = data.info();
        fmt::print("{}: {} classes, {} images of {}x{}x{}\n", written.string(), info.classes,
                   info.images, info.height, info.width, info.channels);
    }
};

// Adds an option whose values are the names of an enum.
template <NamedEnum E>
void add_enum(CLI::App& command, const std::string& name, E& value, const std::string& help) {
    command
        .add_option_function<std::string>(
            name, [&value](const std::string& text) { value = *enum_from<E>(text); }, help)
        ->check(CLI::IsMember(split_names(data::enum_list(E{}))));
}

void add_omniglot(CLI::App& import) {
    auto* command = import.add_subcommand(
        "omniglot", "Omniglot from its two official zips, or from the folders unpacked from "
                    "them\nExample: dagan data import omniglot images_background.zip "
                    "images_evaluation.zip -o data/sets/omniglot.h5");
    struct Arguments {
        std::vector<std::string> sources;
        data::OmniglotOptions options;
        Output output;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("sources", arguments->sources, "zips or folders")->required();
    add_enum(*command, "--resize", arguments->options.resampling, "bilinear (default) or area");
    arguments->output.add_to(*command);
    command->callback([arguments] {
        arguments->output.save(data::import_omniglot(
            {arguments->sources.begin(), arguments->sources.end()}, arguments->options));
    });
}

void add_emnist(CLI::App& import) {
    auto* command = import.add_subcommand(
        "emnist",
        "EMNIST Balanced or ByMerge from its four idx or idx.gz files\nExample: dagan data import "
        "emnist train-images train-labels test-images test-labels -o data/sets/emnist.h5");
    struct Arguments {
        std::string train_images, train_labels, test_images, test_labels;
        Output output;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("train_images", arguments->train_images, "idx3 file, may be gzipped")
        ->required();
    command->add_option("train_labels", arguments->train_labels, "idx1 file, may be gzipped")
        ->required();
    command->add_option("test_images", arguments->test_images, "idx3 file, may be gzipped")
        ->required();
    command->add_option("test_labels", arguments->test_labels, "idx1 file, may be gzipped")
        ->required();
    arguments->output.add_to(*command);
    command->callback([arguments] {
        arguments->output.save(
            data::import_emnist({arguments->train_images, arguments->train_labels,
                                 arguments->test_images, arguments->test_labels}));
    });
}

void add_folder(CLI::App& import) {
    auto* command = import.add_subcommand(
        "folder", "a folder or zip of PNG and JPEG images, one folder per class\nExample: dagan "
                  "data import folder faces.zip --size 64 --channels 3 -o data/sets/faces.h5");
    struct Arguments {
        std::string source;
        data::FolderOptions options;
        Output output;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("source", arguments->source, "folder or zip")->required();
    command->add_option("--size", arguments->options.size,
                        "height and width of the stored images in pixels");
    command->add_option("--channels", arguments->options.channels, "1 grey, 3 colour");
    command->add_option("--polarity", arguments->options.polarity,
                        "ink_is_low, ink_is_high or colour");
    command->add_option("--licence", arguments->options.licence,
                        "licence of the data, stored in the file");
    add_enum(*command, "--resize", arguments->options.resampling, "area (default) or bilinear");
    arguments->output.add_to(*command);
    command->callback([arguments] {
        arguments->output.save(data::import_folder(arguments->source, arguments->options));
    });
}

void add_npy(CLI::App& import) {
    auto* command =
        import.add_subcommand("npy", "a NumPy array [classes, samples, H, W, C]\nExample: dagan "
                                     "data import npy vgg_face.npy -o data/sets/faces.h5");
    struct Arguments {
        std::string file;
        data::ArrayOptions options;
        Output output;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("file", arguments->file, "uint8, or float in [0, 1]")->required();
    command->add_option("--polarity", arguments->options.polarity,
                        "ink_is_low, ink_is_high or colour");
    command->add_option("--licence", arguments->options.licence,
                        "licence of the data, stored in the file");
    arguments->output.add_to(*command);
    command->callback([arguments] {
        arguments->output.save(data::import_npy(arguments->file, arguments->options));
    });
}

void add_make(CLI::App& data) {
    auto* make =
        data.add_subcommand("make", "data sets that this program generates, without a download")
            ->require_subcommand(1);
    auto* command = make->add_subcommand(
        "strokes",
        "a synthetic handwriting set\nExample: dagan data make strokes -o data/sets/strokes.h5");
    struct Arguments {
        data::StrokesOptions options;
        Output output;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("--classes", arguments->options.classes, "number of classes");
    command->add_option("--per-class", arguments->options.per_class, "images per class");
    command->add_option("--seed", arguments->options.seed,
                        "seed; the same seed gives the same data set");
    command->add_option("--size", arguments->options.size, "height and width in pixels");
    arguments->output.add_to(*command);
    command->callback(
        [arguments] { arguments->output.save(data::make_strokes(arguments->options)); });
}

Json info_json(const data::DatasetInfo& info) {
    return {{"classes", info.classes},
            {"images", info.images},
            {"height", info.height},
            {"width", info.width},
            {"channels", info.channels},
            {"samples_per_class", {{"min", info.smallest_class}, {"max", info.largest_class}}},
            {"dtype", "uint8"},
            {"sha256", info.sha256},
            {"source", info.source},
            {"licence", info.licence},
            {"polarity", info.polarity},
            {"shards", info.shards}};
}

void print_info(const data::DatasetInfo& info, const std::string& format) {
    if (format == "json") {
        std::cout << info_json(info).dump(2) << '\n';
        return;
    }
    const Json json = info_json(info);
    if (format == "csv") std::cout << "property,value\n";
    for (const auto& [name, value] : json.items()) {
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        fmt::print("{}\n", format == "csv" ? fmt::format("{},\"{}\"", name, text)
                                           : fmt::format("{:<18} {}", name, text));
    }
}

void add_info(CLI::App& data) {
    auto* command =
        data.add_subcommand("info", "prints the properties of a data set\nExample: dagan data info "
                                    "data/sets/omniglot.h5 --format json");
    struct Arguments {
        std::string file, format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("file", arguments->file, "HDF5 file, or the first of its shards")
        ->required();
    command->add_option("--format", arguments->format, "table, csv or json")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    command->callback(
        [arguments] { print_info(data::read_dataset_info(arguments->file), arguments->format); });
}

void add_verify(CLI::App& data) {
    auto* command =
        data.add_subcommand("verify", "reads a whole data set and checks checksums, sizes and "
                                      "order\nExample: dagan data verify data/sets/omniglot.h5");
    auto file = std::make_shared<std::string>();
    command->add_option("file", *file, "HDF5 file, or the first of its shards")->required();
    command->callback([file] {
        const data::DatasetInfo info = data::verify_dataset(*file);
        fmt::print("{}: ok, {} images, sha256 {}\n", *file, info.images, info.sha256);
    });
}

void add_show(CLI::App& data) {
    auto* command =
        data.add_subcommand("show", "draws a contact sheet with one row per class\nExample: dagan "
                                    "data show data/sets/omniglot.h5 -o sheet.png");
    struct Arguments {
        std::string file, output = "sheet.png";
        int classes = 20, images = 20, scale = 2;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("file", arguments->file, "HDF5 file, or the first of its shards")
        ->required();
    command->add_option("-o,--output", arguments->output, "PNG file to write");
    command->add_option("--classes", arguments->classes, "number of rows, spread over all classes")
        ->check(CLI::Range(1, 10000));
    command->add_option("--images", arguments->images, "images per class")
        ->check(CLI::Range(1, 10000));
    command->add_option("--scale", arguments->scale, "size of a pixel in the sheet")
        ->check(CLI::Range(1, 16));
    command->callback([arguments] {
        const data::Dataset dataset = data::Dataset::open(arguments->file);
        data::write_png(arguments->output,
                        data::contact_sheet(dataset, arguments->classes, arguments->images,
                                            {.scale = arguments->scale}));
        fmt::print("{}\n", arguments->output);
    });
}
} // namespace

void add_data_commands(CLI::App& app, int&) {
    auto* data =
        app.add_subcommand("data", "imports, generates, checks and draws data sets\nExample: dagan "
                                   "data make strokes -o data/sets/strokes.h5")
            ->require_subcommand(1);
    auto* import =
        data->add_subcommand("import", "converts other formats to HDF5")->require_subcommand(1);
    add_omniglot(*import);
    add_emnist(*import);
    add_folder(*import);
    add_npy(*import);
    add_make(*data);
    add_info(*data);
    add_verify(*data);
    add_show(*data);
}

} // namespace dagan::launcher
