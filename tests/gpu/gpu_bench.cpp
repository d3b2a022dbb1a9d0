// Measures a GPU (or, with --device cpu, the host) at full size, for tests/gpu/run.sh. Each command
// prints one JSON object. Images are random, because their content does not affect the time.
//
//   iteration   one DAGAN iteration of 5 critic steps and 1 generator step, batch 32
//   classifier  steps per second of a classifier; several processes can start at a common time
//   dagan       a real training on a data set, with sample sheets in the output folder
#include "base/error.h"
#include "base/random.h"
#include "train/gan/wgan_gp.h"
#include "train/tasks.h"

#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <thread>
#include <unistd.h>

namespace dagan::train {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
    std::string device = "cuda", precision = "float32", data, output;
    int size = 28, warm_up = 30, rounds = 100, threads = 1, classes = 211, iterations = 2000;
    bool eager = false;
    double seconds = 20, start_at = 0; // start_at: seconds since 1970
};

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

Precision precision_of(const std::string& name) {
    const auto precision = enum_from<Precision>(name);
    if (!precision)
        throw input_error("--precision " + name + ": must be one of " +
                          std::string(enum_list(Precision{})));
    return *precision;
}

data::Dataset random_images(int classes, int per_class, int channels, int size) {
    std::vector<uint8_t> images(static_cast<size_t>(classes) * static_cast<size_t>(per_class) *
                                static_cast<size_t>(channels * size * size));
    Random random(1);
    for (uint8_t& value : images) value = static_cast<uint8_t>(random.bits());
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (int label = 0; label < classes; ++label) {
        names.push_back(std::to_string(label));
        labels.insert(labels.end(), static_cast<size_t>(per_class), label);
    }
    data::DatasetInfo info{.classes = classes,
                           .images = classes * per_class,
                           .channels = channels,
                           .height = size,
                           .width = size,
                           .smallest_class = per_class,
                           .largest_class = per_class,
                           .shards = 1,
                           .source = "random",
                           .licence = "none",
                           .polarity = "ink_is_low",
                           .sha256 = "random"};
    return data::Dataset(std::move(info), std::move(images), std::move(labels), std::move(names));
}

// A data set whose every class belongs to every domain.
DatasetRef reference_to(const data::Dataset& data) {
    const ClassRange all{0, data.info().classes};
    DatasetRef ref;
    ref.name = data.info().source;
    ref.options.split = {all, all, all};
    ref.channels = data.info().channels;
    ref.size = data.info().height;
    return ref;
}

std::string heading(const Arguments& arguments, const Compute& compute, const char* what) {
    return fmt::format(
        R"("what": "{}", "device": "{}", "precision": "{}", "size": {}, "graphs": {})", what,
        compute.name(), arguments.precision, arguments.size,
        !arguments.eager && compute.gpu != nullptr);
}

int64_t peak_bytes(const Compute& compute) {
    return compute.gpu == nullptr ? 0 : compute.gpu->memory().peak_bytes;
}

void iteration(const Arguments& arguments, const Compute& compute) {
    const data::Dataset data = random_images(20, 20, arguments.size == 28 ? 1 : 3, arguments.size);
    GanOptions options;
    options.precision = precision_of(arguments.precision);
    const auto agents = gang::make_group_alone();
    const auto on_device = make_device_group(compute, *agents, [] {});
    gang::Group& group = on_device ? *on_device : *agents;
    std::vector<int> classes(20);
    std::iota(classes.begin(), classes.end(), 0);
    WganGp gan(options, 1, data, classes, group, 1, compute);
    uint32_t s = 0;
    const auto iterate = [&](int count) {
        for (uint32_t k = 0; k < static_cast<uint32_t>(count) * gan.steps_per_iteration(); ++k)
            gan.step(s++, {});
        synchronize(compute, group);
    };
    iterate(arguments.warm_up);
    double least = 1e9, sum = 0;
    // The minimum of several means: other load on the machine only adds time.
    constexpr int kParts = 5;
    for (int part = 0; part < kParts; ++part) {
        const auto begin = Clock::now();
        iterate(std::max(1, arguments.rounds / kParts));
        const double each = seconds_since(begin) / std::max(1, arguments.rounds / kParts);
        least = std::min(least, each);
        sum += each / kParts;
    }
    fmt::print(
        "{{{}, \"iteration_s\": {:.6f}, \"mean_s\": {:.6f}, \"peak_bytes\": {}, \"finite\": {}}}\n",
        heading(arguments, compute, "iteration"), least, sum, peak_bytes(compute),
        gan.take_losses().finite());
}

// Lets a training warm up, waits for the common start, measures for a number of seconds, then stops
// it.
class StopWatch : public Observer {
  public:
    explicit StopWatch(const Arguments& arguments) : arguments_(arguments) {}
    bool stop_requested() override { return over_; }
    void progress(int64_t step, int64_t) override {
        constexpr int64_t kWarmUp = 200;
        if (step < kWarmUp || over_) return;
        if (first_ == 0) {
            while (
                std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
                    .count() < arguments_.start_at) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            first_ = step;
            begin_ = Clock::now();
        }
        const double elapsed = seconds_since(begin_);
        if (elapsed < arguments_.seconds) return;
        steps_per_s_ = static_cast<double>(step - first_) / elapsed;
        over_ = true;
    }
    double steps_per_s_ = 0;

  private:
    const Arguments& arguments_;
    Clock::time_point begin_;
    int64_t first_ = 0;
    bool over_ = false;
};

void classifier(const Arguments& arguments, const Compute& compute) {
    const data::Dataset data =
        random_images(arguments.classes, 20, arguments.size == 28 ? 1 : 3, arguments.size);
    ClassifierTask task;
    task.dataset = reference_to(data);
    task.classifier.precision = precision_of(arguments.precision);
    task.classifier.softmax = Softmax::target;
    task.classifier.epochs = 1000000;
    task.samples_per_class = 5;
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("dagan-bench-{}", ::getpid());
    std::filesystem::create_directories(folder);
    StopWatch watch(arguments);
    TaskPaths paths(folder);
    paths.checkpoint_every = std::chrono::hours(1);
    train_classifier(task, "bench", data, paths, watch, compute);
    std::filesystem::remove_all(folder);
    fmt::print("{{{}, \"steps_per_s\": {:.3f}, \"peak_bytes\": {}}}\n",
               heading(arguments, compute, "classifier"), watch.steps_per_s_, peak_bytes(compute));
}

void train_real(const Arguments& arguments, const Compute& compute) {
    const data::Dataset data = data::Dataset::open(arguments.data);
    const int classes = data.info().classes;
    GanTask task;
    task.dataset = reference_to(data);
    task.dataset.options.split = {
        {0, classes * 3 / 4}, {classes * 3 / 4, classes}, {classes * 3 / 4, classes}};
    task.gan.precision = precision_of(arguments.precision);
    task.gan.iterations = arguments.iterations;
    task.gan.checkpoints = 4;
    task.gan.select = Select::last;
    for (const char* name : {"checkpoints", "samples"})
        std::filesystem::create_directories(std::filesystem::path(arguments.output) / name);
    NullObserver observer;
    const auto group = gang::make_group_alone();
    const auto begin = Clock::now();
    const TaskOutput output =
        train_gan(task, "dagan", data, TaskPaths(arguments.output), *group, observer, compute);
    std::string curve;
    for (const CurvePoint& point : output.curve) {
        curve += fmt::format(R"({}[{}, "{}", {:.6g}])", curve.empty() ? "" : ", ", point.step,
                             point.quantity, point.value);
    }
    fmt::print("{{{}, \"outcome\": \"{}\", \"iterations\": {}, \"seconds\": {:.1f}, "
               "\"iteration_s\": {:.6f}, \"peak_bytes\": {}, "
               "\"curve\": [{}]}}\n",
               heading(arguments, compute, "dagan"), to_string(output.outcome),
               arguments.iterations, seconds_since(begin), output.seconds_per_step,
               peak_bytes(compute), curve);
}

int run(const Arguments& arguments, const CLI::App& app) {
    std::unique_ptr<Gpu> gpu;
    if (arguments.device == "cuda") {
        ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0); // as in dagan-train
        gpu = open_gpu(std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
                       "bin" / "libdagan_cuda.so");
    }
    at::set_num_threads(arguments.threads);
    at::set_num_interop_threads(1);
    at::globalContext().setDeterministicAlgorithms(true, false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);
    Compute compute = gpu ? Compute::on(*gpu) : Compute{};
    compute.graphs = !arguments.eager;
    if (app.got_subcommand("iteration")) iteration(arguments, compute);
    if (app.got_subcommand("classifier")) classifier(arguments, compute);
    if (app.got_subcommand("dagan")) train_real(arguments, compute);
    return 0;
}

} // namespace
} // namespace dagan::train

int main(int argc, char** argv) {
    using namespace dagan;
    using namespace dagan::train;
    CLI::App app{"Measures the speed of this machine's GPU; prints JSON.\nExample: gpu_bench "
                 "iteration --size 28 "
                 "--precision tf32"};
    app.require_subcommand(1);
    Arguments arguments;
    const auto add = [&](const char* name, const char* help) {
        auto* command = app.add_subcommand(name, help);
        command->add_option("--device", arguments.device, "cuda or cpu")
            ->check(CLI::IsMember({"cuda", "cpu"}));
        command->add_option("--precision", arguments.precision, "float32, tf32 or bf16");
        command->add_option("--threads", arguments.threads, "CPU threads");
        command->add_flag("--eager", arguments.eager, "without captured graphs");
        command->add_option("--size", arguments.size, "28 (one channel) or 64 (three)")
            ->check(CLI::IsMember({28, 64}));
        return command;
    };
    auto* timed = add("iteration", "a DAGAN iteration");
    timed->add_option("--warm-up", arguments.warm_up, "iterations before the measurement");
    timed->add_option("--rounds", arguments.rounds, "iterations");
    auto* trial = add("classifier", "a classifier's steps per second");
    trial->add_option("--seconds", arguments.seconds, "duration of the measurement");
    trial->add_option("--start-at", arguments.start_at,
                      "common start of several processes, in seconds since 1970");
    trial->add_option("--classes", arguments.classes, "classes of 20 images");
    auto* real = add("dagan", "a real training");
    real->add_option("--data", arguments.data, "data set (.h5)")->required();
    real->add_option("--iterations", arguments.iterations, "iterations");
    real->add_option("-o,--output", arguments.output, "folder")->required();
    try {
        app.parse(argc, argv);
        return run(arguments, app);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::input);
    } catch (const Error& error) {
        std::cerr << "gpu_bench: " << error.what() << '\n';
        return static_cast<int>(error.blame());
    } catch (const std::exception& error) {
        std::cerr << "gpu_bench: " << error.what() << '\n';
        return static_cast<int>(ExitCode::bug);
    }
}
