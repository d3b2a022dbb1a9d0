// dagan generate
#include "base/error.h"
#include "base/program_folder.h"
#include "base/subprocess.h"
#include "launcher/campaign/campaign.h"
#include "launcher/cli/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <thread>

namespace dagan::launcher {

namespace {

struct Arguments {
    std::string folder, dataset, output = "generated.png";
    std::vector<std::string> images;
    int each = 10;
    uint64_t seed = 0;
};

// Returns the DAGAN of that data set, or the only one if `dataset` is "".
const PlannedTask& find_gan(const Plan& plan, const std::string& dataset,
                            const std::string& campaign) {
    std::vector<std::string> names;
    const PlannedTask* found = nullptr;
    for (const PlannedTask& task : plan.tasks) {
        if (kind_of(task.spec) != TaskKind::gan) continue;
        names.push_back(dataset_of(task.spec).name);
        if (dataset.empty() || names.back() == dataset) found = &task;
    }
    if (names.empty())
        throw input_error(campaign + ": has no DAGAN, because its sweep generates no images");
    if (dataset.empty() && names.size() > 1)
        throw input_error(fmt::format("{}: has several DAGANs; hint: choose one with --dataset: {}",
                                      campaign, fmt::join(names, ", ")));
    if (found == nullptr)
        throw input_error(
            fmt::format("{}: has no DAGAN of '{}'; hint: choose one with --dataset: {}", campaign,
                        dataset, fmt::join(names, ", ")));
    return *found;
}

// Returns the exit code of dagan-train.
int generate(const Arguments& arguments) {
    const CampaignFolder folder(arguments.folder);
    const Plan plan = read_manifest(folder).plan();
    const PlannedTask& gan = find_gan(plan, arguments.dataset, arguments.folder);
    const std::filesystem::path weights = folder.weights(gan.key);
    if (!std::filesystem::exists(weights)) {
        throw input_error(fmt::format(
            "{}: {} is not trained yet; hint: `dagan explain {} '{}'` shows its progress",
            arguments.folder, label_of(gan.spec), arguments.folder, label_of(gan.spec)));
    }
    std::vector<std::string> words{
        (program_folder() / "dagan-train").string(),
        "generate",
        "--each",
        std::to_string(arguments.each),
        "--seed",
        std::to_string(arguments.seed),
        "--threads",
        std::to_string(std::max(1U, std::thread::hardware_concurrency())),
        "--output",
        arguments.output,
        "--",
        weights.string()};
    words.insert(words.end(), arguments.images.begin(), arguments.images.end());
    return run_program(words, own_environment()).exit_code;
}

} // namespace

void add_generate_commands(CLI::App& app, int& exit_code) {
    auto* command = app.add_subcommand(
        "generate", "augments your own pictures with a campaign's DAGAN and draws a contact sheet: "
                    "one row per picture, with the images generated from it\n"
                    "Example: dagan generate campaigns/demo my-letter.png -o letters.png");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command
        ->add_option("images", arguments->images,
                     "PNG or JPEG files in the colours of the DAGAN's data set; their central "
                     "squares are scaled to its image size")
        ->required();
    command->add_option("--dataset", arguments->dataset,
                        "the data set of the DAGAN, if the campaign has several");
    command->add_option("--each", arguments->each, "images generated from each picture")
        ->capture_default_str()
        ->check(CLI::Range(1, 100));
    command
        ->add_option("--seed", arguments->seed,
                     "seed of the noise; the same seed gives the same images")
        ->capture_default_str();
    command->add_option("-o,--output", arguments->output, "the contact sheet, a PNG file")
        ->capture_default_str();
    command->callback([arguments, &exit_code] { exit_code = generate(*arguments); });
}

} // namespace dagan::launcher
