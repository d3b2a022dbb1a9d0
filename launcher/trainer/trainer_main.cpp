// dagan-train: the program that trains. An agent starts `dagan-train work` with a socket to itself
// as fd 3 and shared memory as fd 4; it loads LibTorch, requests work, and ends when the agent
// ends.

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/program_folder.h"
#include "base/random.h"
#include "base/version.h"
#include "cluster/process/process_guard.h"
#include "cluster/process/spawner.h"
#include "data/import.h"
#include "launcher/campaign/campaign.h"
#include "launcher/program/run_main.h"
#include "launcher/trainer/task_runner.h"
#include "spec/json.h"
#include "train/generate.h"
#include "train/torch_setup.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

namespace dagan::launcher {
namespace {

struct Arguments {
    std::string campaign, data, task_file, device = "cpu";
    int rank = 0, threads = 1, allocation = 1;
};

struct GenerateArguments {
    std::string weights, output;
    std::vector<std::string> images;
    int each = 0, threads = 1;
    uint64_t seed = 0;
};

// Must precede any other use of LibTorch, which looks for its CUDA part only once.
std::unique_ptr<train::Gpu> gpu_of(const Arguments& arguments) {
    if (arguments.device == "cpu") return nullptr;
    // cuBLAS is deterministic only with a fixed workspace; LibTorch rejects it otherwise.
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    return train::open_gpu(program_folder() / "libdagan_cuda.so");
}

train::Compute compute_on(const std::unique_ptr<train::Gpu>& gpu) {
    return gpu ? train::Compute::on(*gpu) : train::Compute{};
}

int work(const Arguments& arguments) {
    cluster::ignore_broken_pipes();
    const CampaignFolder folder =
        CampaignFolder(arguments.campaign).of_allocation(arguments.allocation);
    log_to_file(folder.rank_log(arguments.rank), fmt::format("trainer {}", ::getpid()));
    cluster::TrainerLink link{cluster::Channel(Descriptor(cluster::kTrainerSocketFd))};
    cluster::SharedMemory memory{Descriptor(cluster::kTrainerMemoryFd)};
    const auto gpu = gpu_of(arguments);
    TaskRunner runner(train::TaskPaths{folder.root()}, arguments.data, link, memory,
                      compute_on(gpu));
    train::set_up_torch(arguments.threads);
    link.send(encode(TrainerReady{kVersion}));
    while (!link.closed() && !runner.must_restart()) {
        const auto text = link.receive_within(std::chrono::minutes(1));
        if (!text) continue;
        const Message message = decode_message(*text);
        const auto* assignment = std::get_if<Assign>(&message);
        // A stop request may arrive just after its task has ended.
        if (assignment == nullptr) continue;
        link.send(
            encode(Ended{.position = assignment->position, .result = runner.run(*assignment)}));
    }
    return static_cast<int>(ExitCode::done);
}

// Runs one task in this process and prints its result as JSON. The folder holds the weights and
// pools that the task needs, laid out like a campaign folder.
int once(const Arguments& arguments) {
    const auto gpu = gpu_of(arguments);
    train::set_up_torch(arguments.threads);
    const TaskSpec spec = task_from_text(read_file(arguments.task_file));
    const data::Dataset data = open_data_of(dataset_of(spec), arguments.data);
    train::NullObserver observer;
    const train::TaskOutput output =
        run_task(spec, key_of(spec), data, train::TaskPaths{arguments.campaign},
                 *gang::make_group_alone(), observer, compute_on(gpu));
    const TaskResult result{.task = key_of(spec), .outcome = output.outcome, .score = output.score};
    std::cout << encode_json(result).dump() << '\n';
    return static_cast<int>(ExitCode::done);
}

// Augments the user's own pictures and writes a contact sheet.
int draw_augmentations(const GenerateArguments& arguments) {
    train::set_up_torch(arguments.threads);
    const train::TrainedGenerator generator = train::load_generator(arguments.weights);
    const data::Dataset pictures =
        data::import_pictures({arguments.images.begin(), arguments.images.end()},
                              {.size = generator.shape.size, .channels = generator.shape.channels});
    data::write_png(arguments.output,
                    train::augmentation_sheet(generator, pictures, arguments.each,
                                              derive(arguments.seed, "generate z")));
    return static_cast<int>(ExitCode::done);
}

CLI::App* add_generate_command(CLI::App& app, GenerateArguments& arguments) {
    auto* command = app.add_subcommand("generate", "augment pictures; used by `dagan generate`");
    command->add_option("weights", arguments.weights, "file with a DAGAN's weights")->required();
    command->add_option("images", arguments.images, "PNG or JPEG files")->required();
    command->add_option("--each", arguments.each, "images to generate from each")->required();
    command->add_option("--seed", arguments.seed, "seed of the noise")->required();
    command->add_option("--threads", arguments.threads, "CPU threads")->required();
    command->add_option("-o,--output", arguments.output, "the contact sheet to write, a PNG")
        ->required();
    return command;
}

} // namespace
} // namespace dagan::launcher

int main(int argc, char** argv) {
    using namespace dagan;
    using namespace dagan::launcher;
    CLI::App app{
        "Trains and generates with LibTorch, one task at a time.\nExample: dagan-train --version"};
    app.set_version_flag("--version", kVersion);
    app.require_subcommand(1);
    Arguments arguments;
    auto* work_command =
        app.add_subcommand("work", "run the tasks of the agent at fd 3; started by dagan-worker");
    work_command->add_option("campaign", arguments.campaign, "the campaign's folder")->required();
    work_command->add_option("--rank", arguments.rank, "the agent's rank, for the log")->required();
    work_command->add_option("--allocation", arguments.allocation,
                             "the agent's allocation, for the log");
    work_command->add_option("--data", arguments.data, "folder of the data sets")->required();
    work_command->add_option("--threads", arguments.threads, "CPU threads")->required();
    work_command->add_option("--device", arguments.device, "cpu or cuda")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    auto* once_command = app.add_subcommand(
        "once", "run one task alone and print its result; used by `dagan reproduce`");
    once_command
        ->add_option("folder", arguments.campaign,
                     "folder laid out like a campaign's, with the files that the task needs")
        ->required();
    once_command->add_option("--task", arguments.task_file, "file with the task as JSON")
        ->required();
    once_command->add_option("--data", arguments.data, "folder of the data sets")->required();
    once_command->add_option("--threads", arguments.threads, "CPU threads")->required();
    once_command->add_option("--device", arguments.device, "cpu or cuda")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    GenerateArguments to_generate;
    const CLI::App* generate_command = add_generate_command(app, to_generate);
    const MainOptions options{.program = "dagan-train",
                              .error_prefix = "dagan-train: ",
                              .on_error = [&](const std::string& message) {
                                  if (work_command->parsed()) log_error("{}", message);
                              }};
    return run_main(app, argc, argv, options, [&] {
        if (generate_command->parsed()) return draw_augmentations(to_generate);
        return once_command->parsed() ? once(arguments) : work(arguments);
    });
}
