// dagan-train: a trainer. `dagan-train work` is started by its agent, with the socket to it as fd 3 and shared memory as fd 4; it
// loads LibTorch, asks for work, and ends when the agent does.

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/version.h"
#include "cluster/process/process_guard.h"
#include "cluster/process/spawner.h"
#include "data/import.h"
#include "launcher/campaign/campaign.h"
#include "launcher/trainer/task_runner.h"
#include "launcher/trainer/trainer_bench.h"
#include "spec/json.h"
#include "train/generate.h"

#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
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

// The GPU comes first: LibTorch looks for its CUDA part once.
std::unique_ptr<train::Gpu> gpu_of(const Arguments& arguments) {
    if (arguments.device == "cpu") return nullptr;
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8",
             0); // without it cuBLAS is not deterministic, and LibTorch refuses it
    return train::open_gpu(std::filesystem::read_symlink("/proc/self/exe").parent_path() /
                           "libdagan_cuda.so");
}

train::Compute compute_on(const std::unique_ptr<train::Gpu>& gpu) {
    return gpu ? train::Compute::on(*gpu) : train::Compute{};
}

// A step frees what the next one wants again; given back, the system would clear each page before that.
void keep_freed_memory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

void set_up_torch(int threads) {
    keep_freed_memory();
    at::set_num_threads(threads);
    at::set_num_interop_threads(1);
    at::globalContext().setDeterministicAlgorithms(true, false);
    at::globalContext().setDeterministicFillUninitializedMemory(
        false); // it would write all new memory twice; none is read before
    // The first operation loads and initialises what a task should not wait for.
    torch::conv2d(torch::ones({1, 1, 4, 4}), torch::ones({1, 1, 3, 3}));
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
    set_up_torch(arguments.threads);
    link.send(encode(TrainerReady{kVersion}));
    while (!link.closed() && !runner.worn_out()) {
        const auto text = link.receive_within(std::chrono::minutes(1));
        if (!text) continue;
        const Message message = decode_message(*text);
        const auto* assignment = std::get_if<Assign>(&message);
        if (assignment == nullptr)
            continue; // a stop request that crossed the end of the task it was meant for
        link.send(
            encode(Ended{.position = assignment->position, .result = runner.run(*assignment)}));
    }
    return static_cast<int>(ExitCode::done);
}

// One task in this process, its output as JSON on stdout. The folder has what the task needs (weights, pools), laid out like a
// campaign's.
int once(const Arguments& arguments) {
    const auto gpu = gpu_of(arguments);
    set_up_torch(arguments.threads);
    const TaskSpec spec = task_from_text(read_file(arguments.task_file));
    const data::Dataset data = open_data_of(dataset_of(spec), arguments.data);
    train::NoObserver observer;
    const train::TaskOutput output =
        run_task(spec, key_of(spec), data, train::TaskPaths{arguments.campaign},
                 *gang::make_group_alone(), observer, compute_on(gpu));
    const TaskResult result{.task = key_of(spec), .outcome = output.outcome, .score = output.score};
    std::cout << encode_json(result).dump() << '\n';
    return static_cast<int>(ExitCode::done);
}

// Images made from people's own pictures, as a sheet.
int draw_augmentations(const GenerateArguments& arguments) {
    set_up_torch(arguments.threads);
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
    auto* command =
        app.add_subcommand("generate", "draw augmentations of pictures; used by `dagan generate`");
    command->add_option("weights", arguments.weights, "a DAGAN's weights")->required();
    command->add_option("images", arguments.images, "PNG or JPEG files")->required();
    command->add_option("--each", arguments.each, "images made from each")->required();
    command->add_option("--seed", arguments.seed, "of the noise")->required();
    command->add_option("--threads", arguments.threads, "CPU threads")->required();
    command->add_option("-o,--output", arguments.output, "the sheet, a PNG")->required();
    return command;
}

} // namespace
} // namespace dagan::launcher

int main(int argc, char** argv) {
    using namespace dagan;
    using namespace dagan::launcher;
    CLI::App app{"A trainer: LibTorch, one task at a time.\nExample: dagan-train --version"};
    app.set_version_flag("--version", kVersion);
    app.require_subcommand(1);
    Arguments arguments;
    auto* work_command =
        app.add_subcommand("work", "work for the agent at fd 3; started by dagan-worker");
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
                     "folder laid out like a campaign's, with what the task needs")
        ->required();
    once_command->add_option("--task", arguments.task_file, "file with the task's text")
        ->required();
    once_command->add_option("--data", arguments.data, "folder of the data sets")->required();
    once_command->add_option("--threads", arguments.threads, "CPU threads")->required();
    once_command->add_option("--device", arguments.device, "cpu or cuda")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    GenerateArguments to_generate;
    const CLI::App* generate_command = add_generate_command(app, to_generate);
    BenchArguments bench_arguments;
    auto* bench_command = add_bench_command(app, bench_arguments);
    try {
        app.parse(argc, argv);
        if (generate_command->parsed()) return draw_augmentations(to_generate);
        if (bench_command->parsed()) return bench(bench_arguments, set_up_torch);
        return once_command->parsed() ? once(arguments) : work(arguments);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::input);
    } catch (const Error& error) {
        if (work_command->parsed()) log_error("{}", error.what());
        std::cerr << "dagan-train: " << error.what() << '\n';
        return static_cast<int>(error.blame());
    } catch (const std::exception& error) {
        if (work_command->parsed()) log_error("{}", error.what());
        std::cerr << "dagan-train: " << error.what() << '\n';
        return static_cast<int>(ExitCode::bug);
    }
}
