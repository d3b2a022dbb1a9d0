#include "launcher/cli/sweep_arguments.h"

#include "data/class_counts.h"
#include "data/dataset.h"

#include <cstdlib>

namespace dagan::launcher {

namespace fs = std::filesystem;

void SweepArguments::add_to(CLI::App& command) {
    command.add_option("sweep", sweep, "sweep file (sweeps/*.yaml)")->required();
    command
        .add_option("--set", overrides,
                    "override a key of the sweep: --set classifier.epochs=20 (repeatable)")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--data", data,
                       "folder of the data sets (default: $DAGAN_DATA, else data/sets)");
}

void SweepArguments::add_store_to(CLI::App& command) {
    command.add_option_function<std::string>(
        "--store", [this](const std::string& url) { overrides.push_back("store=" + url); },
        "PostgreSQL database for the results (postgresql://...), which several allocations can "
        "share; replaces the sweep's `store`");
}

void add_lease(CLI::App& command, std::optional<int64_t>& lease_s) {
    command
        .add_option("--lease", lease_s,
                    "if allocations share a store: seconds without a sign of life after which the "
                    "others take over the tasks of this one (default: 60)")
        ->check(CLI::Range(1, 86400));
}

fs::path SweepArguments::data_folder() const {
    if (!data.empty()) return data;
    const char* variable = std::getenv("DAGAN_DATA");
    return variable != nullptr && *variable != '\0' ? variable : "data/sets";
}

sweeps::LoadedSweep load(const SweepArguments& arguments, sweeps::MissingData missing) {
    const fs::path folder = arguments.data_folder();
    const sweeps::DatasetLookup lookup =
        [&](const std::string& file) -> std::optional<sweeps::KnownDataset> {
        const fs::path path = folder / file;
        if (!fs::exists(path)) return std::nullopt;
        const data::DatasetInfo info = data::read_dataset_info(path);
        const DatasetShape shape{.classes = info.classes,
                                 .images_per_class = info.smallest_class,
                                 .channels = info.channels,
                                 .size = info.height};
        return sweeps::KnownDataset{shape, info.sha256, data::smallest_class_name(path)};
    };
    return sweeps::load_sweep(arguments.sweep, arguments.overrides, lookup, missing);
}

} // namespace dagan::launcher
