#include "bench/bench_command.h"

#include "base/error.h"
#include "base/host_facts.h"
#include "base/subprocess.h"
#include "bench/bench.h"
#include "bench/convolutions.h"
#include "spec/json.h"
#include "train/torch_setup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

namespace dagan::bench {

namespace {
// The subject without two sides: it compares two algorithms of the same operation.
constexpr const char* kConvolutions = "convolutions";
constexpr int kMostThreads = 1024, kMostRounds = 10000;

struct Peaks {
    int64_t ours = 0, plain = 0;
};

// Measures each side in a new process of this program: within one process the second side would
// reuse memory that the first freed.
int64_t peak_in_own_process(const BenchArguments& arguments, Side side) {
    const ProgramOutput output =
        run_program({"/proc/self/exe", arguments.subject, "--threads",
                     std::to_string(arguments.threads), "--peak-of", to_string(side)},
                    own_environment());
    if (output.exit_code != 0) {
        throw system_error(fmt::format(
            "{}: the process that measures the memory of '{}' ended with code {}; hint: check that "
            "there is enough memory for it",
            arguments.subject, to_string(side), output.exit_code));
    }
    return std::stoll(output.text);
}

std::string unit_of(Subject subject) {
    switch (subject) {
    case Subject::iteration: return "iteration";
    case Subject::classifier: return "step";
    case Subject::generate: return fmt::format("{} images", kGeneratedAtOnce);
    }
    return "";
}

std::string what(Subject subject, const Workload& workload) {
    const std::string image =
        fmt::format("{}x{}x{}", workload.size, workload.size, workload.channels);
    if (subject == Subject::classifier) {
        return fmt::format("a classifier's training step, {}, growth {}, batch {}, float32", image,
                           workload.classifier.growth, workload.classifier.batch_size);
    }
    const std::string widths = fmt::format("{}", fmt::join(workload.gan.generator_widths, ","));
    if (subject == Subject::generate)
        return fmt::format("{} generated images, {}, widths {}", kGeneratedAtOnce, image, widths);
    return fmt::format(
        "a DAGAN's iteration ({} critic steps, 1 generator step), {}, widths {}, batch {}, float32",
        workload.gan.critic_steps, image, widths, workload.gan.batch_size);
}

Json side_json(const Comparison& times, Side side, int64_t peak) {
    Json json;
    const auto& measured = side == Side::ours ? times.ours : times.plain;
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

std::string as_json(const BenchArguments& arguments, Subject subject, const Workload& workload,
                    const Comparison& times, const Peaks& peaks) {
    Json used;
    for (const auto& [name, kernel] : kernels()) used[name] = kernel;
    return Json{{"bench", arguments.subject},
                {"what", what(subject, workload)},
                {"unit", unit_of(subject)},
                {"threads", arguments.threads},
                {"rounds", arguments.rounds},
                {"cpu", {{"model", cpu_model()}, {"flags", cpu_flags()}}},
                {"kernels", used},
                {"ours", side_json(times, Side::ours, peaks.ours)},
                {"plain", side_json(times, Side::plain, peaks.plain)},
                {"ratio", times.ratio()},
                {"peak_ratio", static_cast<double>(peaks.ours) / static_cast<double>(peaks.plain)}}
               .dump(2) +
           "\n";
}

std::string as_table(const BenchArguments& arguments, Subject subject, const Workload& workload,
                     const Comparison& times, const Peaks& peaks) {
    std::string text =
        fmt::format("{}\n{} threads, {} rounds, on {}: {}\n", what(subject, workload),
                    arguments.threads, arguments.rounds, cpu_model(), fmt::join(cpu_flags(), " "));
    for (const auto& [name, kernel] : kernels()) text += fmt::format("{}: {}\n", name, kernel);
    text += fmt::format("\n{:<16} {:>10} {:>10} {:>10} {:>10} {:>12}\n", "seconds", "ours",
                        "median", "plain", "median", "plain / ours");
    for (size_t kind = 0; kind < times.kinds.size(); ++kind) {
        const StepSeconds &ours = times.ours[kind], &plain = times.plain[kind];
        text += fmt::format("{:<16} {:>10.4f} {:>10.4f} {:>10.4f} {:>10.4f} {:>12.2f}\n",
                            times.kinds[kind].name, ours.minimum(), ours.median(), plain.minimum(),
                            plain.median(), plain.minimum() / ours.minimum());
    }
    if (times.kinds.size() > 1) {
        text +=
            fmt::format("{:<16} {:>10.4f} {:>10} {:>10.4f} {:>10} {:>12.2f}\n", unit_of(subject),
                        times.unit_s(Side::ours), "", times.unit_s(Side::plain), "", times.ratio());
    }
    constexpr double kMiB = 1 << 20;
    text += fmt::format("{:<16} {:>10.1f} {:>10} {:>10.1f} {:>10} {:>12.2f}\n", "peak MiB",
                        static_cast<double>(peaks.ours) / kMiB, "",
                        static_cast<double>(peaks.plain) / kMiB, "",
                        static_cast<double>(peaks.plain) / static_cast<double>(peaks.ours));
    return text;
}

std::string convolutions_json(const BenchArguments& arguments,
                              const std::vector<TimedConvolution>& convolutions) {
    Json shapes = Json::array();
    const auto times = [](const model::OperationTimes& one) {
        return Json{{"output_s", one.output},
                    {"x_gradient_s", one.x_gradient},
                    {"kernel_gradient_s", one.kernel_gradient}};
    };
    for (const TimedConvolution& one : convolutions) {
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
                {"cpu", {{"model", cpu_model()}, {"flags", cpu_flags()}}},
                {"shapes", shapes},
                {"price_of_auto", slowdown_of_rule(convolutions)}}
               .dump(2) +
           "\n";
}

std::string convolutions_table(const BenchArguments& arguments,
                               const std::vector<TimedConvolution>& convolutions) {
    std::string text =
        fmt::format("3x3 convolutions of the networks at the paper's size, milliseconds of the "
                    "output, the gradient by the map and the gradient by the kernel\n"
                    "{} threads, {} rounds, on {}: {}\n\n",
                    arguments.threads, arguments.rounds, cpu_model(), fmt::join(cpu_flags(), " "));
    text += fmt::format("{:<7} {:>6} {:>5} {:>12} {:>6} {:>23} {:>23} {:>17}  {}\n", "map",
                        "stride", "batch", "channels", "layers", "direct", "winograd",
                        "direct / winograd", "auto");
    constexpr double kMs = 1e3;
    const auto times = [](const model::OperationTimes& one) {
        return fmt::format("{:>7.2f} {:>7.2f} {:>7.2f}", kMs * one.output, kMs * one.x_gradient,
                           kMs * one.kernel_gradient);
    };
    for (const TimedConvolution& one : convolutions) {
        text += fmt::format("{:<7} {:>6} {:>5} {:>12} {:>6} {:>23} {:>23} {:>17.2f}  {}{}\n",
                            fmt::format("{0}x{0}", one.shape.size), one.shape.stride, one.batch,
                            fmt::format("{} > {}", one.shape.in_channels, one.shape.out_channels),
                            one.layers, times(one.times.direct), times(one.times.winograd),
                            one.direct_s() / one.winograd_s(), one.winograd ? "winograd" : "direct",
                            one.chosen_s() > one.faster_s() ? ", the slower here" : "");
    }
    const double slowdown = slowdown_of_rule(convolutions);
    constexpr double kTolerance = 1.05; // timings on a machine with other load vary by that much
    text += fmt::format(
        "\nall layers: the choices of auto take {:.2f} times as long as the faster algorithm for "
        "each shape: {}\n",
        slowdown,
        slowdown < kTolerance
            ? "the rule of auto holds on this CPU"
            : "the rule of auto does not hold on this CPU; hint: measure again on a quiet machine, "
              "then set gan.convolution and classifier.convolution to direct or winograd");
    return text;
}
} // namespace

void add_bench_options(CLI::App& app, BenchArguments& arguments) {
    arguments.threads = available_cores();
    app.add_option("subject", arguments.subject,
                   "iteration: 5 critic steps and 1 generator step of a DAGAN; classifier: one "
                   "training step; generate: 64 images; convolutions: each shape directly and by "
                   "Winograd's algorithm, and the choice of `convolution: auto`")
        ->required();
    app.add_option("--threads", arguments.threads,
                   "CPU threads of each side (default: the cores of this machine)")
        ->check(CLI::Range(1, kMostThreads));
    app.add_option("--rounds", arguments.rounds,
                   "rounds, each of one or two steps of each kind and side")
        ->check(CLI::Range(1, kMostRounds))
        ->capture_default_str();
    app.add_option("--format", arguments.format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
    app.add_option("--peak-of", arguments.peak_of,
                   "measure only the peak memory of one side, ours or plain, and print it in bytes")
        ->check(CLI::IsMember(names_of<Side>()));
}

int run_bench(const BenchArguments& arguments) {
    const auto subject = enum_from<Subject>(arguments.subject);
    const bool convolutions = arguments.subject == kConvolutions;
    if (!subject && !convolutions) {
        throw input_error(fmt::format("{}: is not one of {}, {}; hint: see `dagan-bench --help`",
                                      arguments.subject, enum_list(Subject{}), kConvolutions));
    }
    if (arguments.threads > available_cores()) {
        throw input_error(fmt::format("{}: --threads {}: this machine has {} cores, and threads "
                                      "that wait for a core would distort the times; hint: at most "
                                      "{}",
                                      arguments.subject, arguments.threads, available_cores(),
                                      available_cores()));
    }
    const Workload workload;
    if (convolutions) {
        train::set_up_torch(arguments.threads);
        const auto timed = time_convolutions(workload, arguments.rounds);
        std::cout << (arguments.format == "json" ? convolutions_json
                                                 : convolutions_table)(arguments, timed);
        return static_cast<int>(ExitCode::done);
    }
    if (const auto side = enum_from<Side>(arguments.peak_of)) {
        train::set_up_torch(arguments.threads);
        std::cout << peak_bytes(*subject, *side, workload) << '\n';
        return static_cast<int>(ExitCode::done);
    }
    const Peaks peaks{peak_in_own_process(arguments, Side::ours),
                      peak_in_own_process(arguments, Side::plain)};
    train::set_up_torch(arguments.threads);
    const Comparison times = compare(*subject, workload, arguments.rounds);
    std::cout << (arguments.format == "json" ? as_json : as_table)(arguments, *subject, workload,
                                                                   times, peaks);
    return static_cast<int>(ExitCode::done);
}

} // namespace dagan::bench
