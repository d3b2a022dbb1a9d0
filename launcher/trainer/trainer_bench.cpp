#include "launcher/trainer/trainer_bench.h"

#include "base/error.h"
#include "base/subprocess.h"
#include "base/topology.h"
#include "spec/json.h"
#include "train/bench/bench.h"
#include "train/bench/convolutions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

namespace dagan::launcher {

namespace {
constexpr const char* kConvolutions =
    "convolutions"; // the subject that has no sides: two ways of the same operation
constexpr int kMostThreads = 1024, kMostRounds = 10000;

struct Peaks {
    int64_t ours = 0, plain = 0;
};

// Each side alone in a process of its own, this program's: in one process the one would use memory that the other left.
int64_t peak_in_own_process(const BenchArguments& arguments, train::Side side) {
    const ProgramOutput output =
        run_program({"/proc/self/exe", "bench", arguments.subject, "--threads",
                     std::to_string(arguments.threads), "--peak-of", to_string(side)},
                    own_environment());
    if (output.exit_code != 0) {
        throw system_error(fmt::format(
            "bench {}: the process that measures the memory of {} ended with {}; hint: is there "
            "enough memory for it?",
            arguments.subject, to_string(side), output.exit_code));
    }
    return std::stoll(output.text);
}

std::string unit_of(train::Subject subject) {
    switch (subject) {
    case train::Subject::iteration: return "iteration";
    case train::Subject::classifier: return "step";
    case train::Subject::generate: return fmt::format("{} images", train::kGeneratedAtOnce);
    }
    return "";
}

std::string what(train::Subject subject, const train::Workload& workload) {
    const std::string image =
        fmt::format("{}x{}x{}", workload.size, workload.size, workload.channels);
    if (subject == train::Subject::classifier) {
        return fmt::format("a classifier's training step, {}, growth {}, batch {}, float32", image,
                           workload.classifier.growth, workload.classifier.batch_size);
    }
    const std::string widths = fmt::format("{}", fmt::join(workload.gan.generator_widths, ","));
    if (subject == train::Subject::generate)
        return fmt::format("{} generated images, {}, widths {}", train::kGeneratedAtOnce, image,
                           widths);
    return fmt::format(
        "a DAGAN's iteration ({} critic steps, 1 generator step), {}, widths {}, batch {}, float32",
        workload.gan.critic_steps, image, widths, workload.gan.batch_size);
}

Json side_json(const train::Comparison& times, train::Side side, int64_t peak) {
    Json json;
    const auto& measured = side == train::Side::ours ? times.ours : times.plain;
    for (size_t kind = 0; kind < times.kinds.size(); ++kind) {
        const std::string& name = times.kinds[kind].name;
        json[name + "_s"] = measured[kind].minimum();
        json[name + "_median_s"] = measured[kind].median();
        json[name + "_count"] = measured[kind].all.size();
    }
    json["unit_s"] = times.unit_s(side);
    json["peak_bytes"] = peak;
    return json;
}

std::string as_json(const BenchArguments& arguments, train::Subject subject,
                    const train::Workload& workload, const train::Comparison& times,
                    const Peaks& peaks) {
    Json used;
    for (const auto& [name, kernel] : train::kernels()) used[name] = kernel;
    return Json{{"bench", arguments.subject},
                {"what", what(subject, workload)},
                {"unit", unit_of(subject)},
                {"threads", arguments.threads},
                {"rounds", arguments.rounds},
                {"cpu", {{"model", train::cpu_model()}, {"flags", train::cpu_flags()}}},
                {"kernels", used},
                {"ours", side_json(times, train::Side::ours, peaks.ours)},
                {"plain", side_json(times, train::Side::plain, peaks.plain)},
                {"ratio", times.ratio()},
                {"peak_ratio", static_cast<double>(peaks.ours) / static_cast<double>(peaks.plain)}}
               .dump(2) +
           "\n";
}

std::string as_table(const BenchArguments& arguments, train::Subject subject,
                     const train::Workload& workload, const train::Comparison& times,
                     const Peaks& peaks) {
    std::string text = fmt::format("{}\n{} threads, {} rounds, on {}: {}\n",
                                   what(subject, workload), arguments.threads, arguments.rounds,
                                   train::cpu_model(), fmt::join(train::cpu_flags(), " "));
    for (const auto& [name, kernel] : train::kernels())
        text += fmt::format("{}: {}\n", name, kernel);
    text += fmt::format("\n{:<16} {:>10} {:>10} {:>10} {:>10} {:>12}\n", "seconds", "ours",
                        "median", "plain", "median", "plain / ours");
    for (size_t kind = 0; kind < times.kinds.size(); ++kind) {
        const train::StepSeconds &ours = times.ours[kind], &plain = times.plain[kind];
        text += fmt::format("{:<16} {:>10.4f} {:>10.4f} {:>10.4f} {:>10.4f} {:>12.2f}\n",
                            times.kinds[kind].name, ours.minimum(), ours.median(), plain.minimum(),
                            plain.median(), plain.minimum() / ours.minimum());
    }
    if (times.kinds.size() > 1) {
        text += fmt::format("{:<16} {:>10.4f} {:>10} {:>10.4f} {:>10} {:>12.2f}\n",
                            unit_of(subject), times.unit_s(train::Side::ours), "",
                            times.unit_s(train::Side::plain), "", times.ratio());
    }
    constexpr double kMiB = 1 << 20;
    text += fmt::format("{:<16} {:>10.1f} {:>10} {:>10.1f} {:>10} {:>12.2f}\n", "peak MiB",
                        static_cast<double>(peaks.ours) / kMiB, "",
                        static_cast<double>(peaks.plain) / kMiB, "",
                        static_cast<double>(peaks.plain) / static_cast<double>(peaks.ours));
    return text;
}

std::string convolutions_json(const BenchArguments& arguments,
                              const std::vector<train::TimedConvolution>& convolutions) {
    Json shapes = Json::array();
    const auto times = [](const model::OperationTimes& one) {
        return Json{{"output_s", one.output},
                    {"x_gradient_s", one.x_gradient},
                    {"kernel_gradient_s", one.kernel_gradient}};
    };
    for (const train::TimedConvolution& one : convolutions) {
        shapes.push_back({{"size", one.shape.size},
                          {"in_channels", one.shape.in_channels},
                          {"out_channels", one.shape.out_channels},
                          {"batch", one.batch},
                          {"layers", one.layers},
                          {"direct", times(one.times.direct)},
                          {"winograd", times(one.times.winograd)},
                          {"ratio", one.direct_s() / one.winograd_s()},
                          {"auto", one.winograd ? "winograd" : "direct"}});
    }
    return Json{{"bench", arguments.subject},
                {"threads", arguments.threads},
                {"rounds", arguments.rounds},
                {"cpu", {{"model", train::cpu_model()}, {"flags", train::cpu_flags()}}},
                {"shapes", shapes},
                {"price_of_auto", train::price_of_the_rule(convolutions)}}
               .dump(2) +
           "\n";
}

std::string convolutions_table(const BenchArguments& arguments,
                               const std::vector<train::TimedConvolution>& convolutions) {
    std::string text =
        fmt::format("3x3 convolutions of the networks at the paper's size, milliseconds of output, "
                    "gradient by the "
                    "map, gradient by the kernel\n{} threads, {} rounds, on {}: {}\n\n",
                    arguments.threads, arguments.rounds, train::cpu_model(),
                    fmt::join(train::cpu_flags(), " "));
    text += fmt::format("{:<7} {:>6} {:>5} {:>12} {:>6} {:>23} {:>23} {:>17}  {}\n", "map",
                        "stride", "batch", "channels", "layers", "direct", "winograd",
                        "direct / winograd", "auto");
    constexpr double kMs = 1e3;
    const auto times = [](const model::OperationTimes& one) {
        return fmt::format("{:>7.2f} {:>7.2f} {:>7.2f}", kMs * one.output, kMs * one.x_gradient,
                           kMs * one.kernel_gradient);
    };
    for (const train::TimedConvolution& one : convolutions) {
        text += fmt::format("{:<7} {:>6} {:>5} {:>12} {:>6} {:>23} {:>23} {:>17.2f}  {}{}\n",
                            fmt::format("{0}x{0}", one.shape.size), one.shape.stride, one.batch,
                            fmt::format("{} > {}", one.shape.in_channels, one.shape.out_channels),
                            one.layers, times(one.times.direct), times(one.times.winograd),
                            one.direct_s() / one.winograd_s(), one.winograd ? "winograd" : "direct",
                            one.chosen_s() > one.faster_s() ? ", the slower here" : "");
    }
    const double price = train::price_of_the_rule(convolutions);
    constexpr double kFair = 1.05; // a stopwatch on a machine with other work is not more exact
    text += fmt::format(
        "\nall layers: what auto takes needs {:.2f} times as long as the faster way of each shape: "
        "{}\n",
        price,
        price < kFair
            ? "its rule holds on this CPU"
            : "its rule does not hold on this CPU; hint: measure again on a quiet machine; then "
              "gan.convolution and classifier.convolution: direct or winograd");
    return text;
}
} // namespace

CLI::App* add_bench_command(CLI::App& app, BenchArguments& arguments) {
    arguments.threads = available_cores();
    CLI::App* command =
        app.add_subcommand("bench", "time this program's steps, in turn with the same networks "
                                    "from stock LibTorch modules, at the paper's size\n"
                                    "Examples: dagan-train bench iteration --threads 2 --rounds 5\n"
                                    "          dagan-train bench convolutions --threads 1\n"
                                    "          dagan-train bench classifier --format json");
    command
        ->add_option("subject", arguments.subject,
                     "iteration: 5 critic steps and 1 generator step of a DAGAN; classifier: a "
                     "step; generate: 64 images; "
                     "convolutions: each shape directly and by Winograd's algorithm, beside what "
                     "`convolution: auto` takes")
        ->required();
    command
        ->add_option("--threads", arguments.threads,
                     "CPU threads of each side (default: this machine's cores)")
        ->check(CLI::Range(1, kMostThreads));
    command
        ->add_option("--rounds", arguments.rounds,
                     "rounds, each a step or two of each kind and side")
        ->check(CLI::Range(1, kMostRounds))
        ->capture_default_str();
    command->add_option("--format", arguments.format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
    command
        ->add_option("--peak-of", arguments.peak_of,
                     "measure only the peak memory of one side, ours or plain; prints bytes")
        ->check(CLI::IsMember(names_of<train::Side>()));
    return command;
}

int bench(const BenchArguments& arguments, const std::function<void(int threads)>& set_up) {
    const auto subject = enum_from<train::Subject>(arguments.subject);
    const bool convolutions = arguments.subject == kConvolutions;
    if (!subject && !convolutions) {
        throw input_error(
            fmt::format("bench {}: is none of {}, {}; hint: see `dagan-train bench --help`",
                        arguments.subject, train::enum_list(train::Subject{}), kConvolutions));
    }
    if (arguments.threads > available_cores()) {
        throw input_error(fmt::format("bench {}: --threads {}: there are {} cores here: threads "
                                      "that wait for a core spin, and "
                                      "what is measured is that; hint: at most {}",
                                      arguments.subject, arguments.threads, available_cores(),
                                      available_cores()));
    }
    const train::Workload workload;
    if (convolutions) {
        set_up(arguments.threads);
        const auto timed = train::time_convolutions(workload, arguments.rounds);
        std::cout << (arguments.format == "json" ? convolutions_json
                                                 : convolutions_table)(arguments, timed);
        return static_cast<int>(ExitCode::done);
    }
    if (const auto side = enum_from<train::Side>(arguments.peak_of)) {
        set_up(arguments.threads);
        std::cout << train::peak_bytes(*subject, *side, workload) << '\n';
        return static_cast<int>(ExitCode::done);
    }
    const Peaks peaks{peak_in_own_process(arguments, train::Side::ours),
                      peak_in_own_process(arguments, train::Side::plain)};
    set_up(arguments.threads);
    const train::Comparison times = train::compare(*subject, workload, arguments.rounds);
    std::cout << (arguments.format == "json" ? as_json : as_table)(arguments, *subject, workload,
                                                                   times, peaks);
    return static_cast<int>(ExitCode::done);
}

} // namespace dagan::launcher
