// dagan plan, dagan describe
#include "base/error.h"
#include "launcher/commands.h"
#include "launcher/forecast.h"
#include "launcher/status.h"
#include "launcher/sweep_arguments.h"
#include "spec/json.h"
#include "spec/network.h"
#include "sweeps/cost_model.h"
#include "sweeps/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

namespace dagan {

namespace {
struct PlanFigures {
    std::map<std::string, int> tasks;
    int ranks = 1;
    Forecast forecast;
    int64_t disk = 0;
    double uncertainty = 1;
};

PlanFigures figures_of(const Sweep& sweep, const Plan& plan, int ranks) {
    PlanFigures figures;
    for (const std::string& kind : split_names(enum_list(TaskKind{}))) figures.tasks[kind] = 0;
    for (const PlannedTask& task : plan.tasks) ++figures.tasks[to_string(kind_of(task.spec))];
    const Rate rate;
    figures.ranks = ranks > 0 ? ranks : std::max(1, sweep.resources.gan_ranks);
    figures.forecast = simulate(plan, expected_seconds(plan, rate),
                                {.ranks = figures.ranks, .slots_per_rank = sweep.resources.trainers_per_rank});
    figures.disk = disk_bytes(plan);
    figures.uncertainty = rate.uncertainty;
    return figures;
}

Json interval(double expected, double factor) {
    return {{"expected", expected}, {"low", expected / factor}, {"high", expected * factor}};
}

std::string plan_json(const PlanFigures& figures) {
    return Json{{"tasks", figures.tasks},
                {"ranks", figures.ranks},
                {"gpu_hours", interval(figures.forecast.rank_seconds / 3600, figures.uncertainty)},
                {"makespan_s", interval(figures.forecast.makespan_s, figures.uncertainty)},
                {"critical_path_s", figures.forecast.critical_path_s},
                {"disk_bytes", figures.disk},
                {"cost_source", "calibrated"}}
               .dump(2) +
           "\n";
}

std::string plan_table(const Sweep& sweep, const PlanFigures& figures) {
    std::string text = fmt::format("{} on {} ranks\n", sweep.name, figures.ranks);
    for (const auto& [kind, count] : figures.tasks) text += fmt::format("  {:<11} {:>6} tasks\n", kind, count);
    const auto range = [&](double seconds) {
        return fmt::format("{} ({} to {})", duration_text(seconds), duration_text(seconds / figures.uncertainty),
                           duration_text(seconds * figures.uncertainty));
    };
    text += fmt::format("  {:<11} {}\n", "work", range(figures.forecast.rank_seconds) + " of one rank");
    text += fmt::format("  {:<11} {}\n", "makespan", range(figures.forecast.makespan_s));
    text += fmt::format("  {:<11} {:.1f} MiB\n", "disk", static_cast<double>(figures.disk) / (1 << 20));
    text += "  the rate is calibrated for CPU cores, not measured here; nothing was started\n";
    return text;
}

void add_plan(CLI::App& app) {
    auto* command =
        app.add_subcommand("plan", "what a sweep will take; nothing is started\nExample: dagan plan sweeps/table1.yaml -n 64");
    struct Arguments {
        SweepArguments sweep;
        int ranks = 0;
        std::string format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    arguments->sweep.add_to(*command);
    command->add_option("-n,--ranks", arguments->ranks, "ranks of the job (default: as many as a gang needs)")
        ->check(CLI::Range(1, 1000000));
    command->add_option("--format", arguments->format, "table or json")->check(CLI::IsMember({"table", "json"}));
    command->callback([arguments] {
        const LoadedSweep loaded = load(arguments->sweep, MissingData::use_expect);
        const PlanFigures figures = figures_of(loaded.sweep, expand(loaded), arguments->ranks);
        std::cout << (arguments->format == "json" ? plan_json(figures) : plan_table(loaded.sweep, figures));
    });
}

struct DescribedNetwork {
    std::string dataset;
    NetworkTable table;
};

// Each network of the plan once per data set.
std::vector<DescribedNetwork> networks_of(const Plan& plan) {
    std::vector<DescribedNetwork> networks;
    const auto add = [&](const DatasetRef& dataset, NetworkTable table) {
        const bool known = std::any_of(networks.begin(), networks.end(), [&](const DescribedNetwork& other) {
            return other.dataset == dataset.name && other.table.network == table.network && other.table.layers == table.layers;
        });
        if (!known) networks.push_back({dataset.name, std::move(table)});
    };
    for (const PlannedTask& planned : plan.tasks) {
        if (const auto* gan = std::get_if<GanTask>(&planned.spec)) {
            add(gan->dataset, generator_table(gan->gan, gan->dataset.channels, gan->dataset.size));
            add(gan->dataset, critic_table(gan->gan, gan->dataset.channels, gan->dataset.size));
        } else if (const auto* task = std::get_if<ClassifierTask>(&planned.spec)) {
            add(task->dataset,
                classifier_table(task->classifier, task->dataset.channels, task->dataset.size, classes_of_task(planned.spec)));
        }
    }
    return networks;
}

std::string describe_json(const std::vector<DescribedNetwork>& networks) {
    Json list = Json::array();
    for (const DescribedNetwork& network : networks) {
        list.push_back({{"dataset", network.dataset},
                        {"network", network.table.network},
                        {"parameters", network.table.parameters()},
                        {"macs", network.table.macs()},
                        {"layers", encode_json(network.table.layers)}});
    }
    return Json{{"networks", list}}.dump(2) + "\n";
}

std::string layer_line(const LayerRow& row) {
    const std::string op = row.op == LayerOp::dense ? "dense"
                                                    : fmt::format("{}{}x{}{}", row.resize == Resize::up ? "up " : "", row.kernel,
                                                                  row.kernel, row.stride == 2 ? " /2" : "");
    const std::string size = row.op == LayerOp::dense      ? "-"
                             : row.in_size == row.out_size ? std::to_string(row.in_size)
                                                           : fmt::format("{}->{}", row.in_size, row.out_size);
    return fmt::format("  {:<16} {:<9} {:<8} {:>5} -> {:<5} {:>10} {:>7} {:>14}  {}\n", row.name, op, size, row.in_channels,
                       row.out_channels, row.parameters, row.norm_parameters, row.macs, to_string(row.after));
}

std::string describe_table(const std::vector<DescribedNetwork>& networks) {
    std::string text;
    for (const DescribedNetwork& network : networks) {
        text += fmt::format("{} of {}\n  {:<16} {:<9} {:<8} {:>5} -> {:<5} {:>10} {:>7} {:>14}  {}\n", network.table.network,
                            network.dataset, "layer", "op", "size", "in", "out", "weights", "norm", "multiply-adds", "after");
        for (const LayerRow& row : network.table.layers) text += layer_line(row);
        text += fmt::format("  parameters {} ; multiply-adds per image {:.1f} M\n\n", network.table.parameters(),
                            static_cast<double>(network.table.macs()) / 1e6);
    }
    return text;
}

void add_describe(CLI::App& app) {
    auto* command =
        app.add_subcommand("describe", "the networks of a sweep, layer by layer\nExample: dagan describe sweeps/table1.yaml");
    struct Arguments {
        SweepArguments sweep;
        std::string format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    arguments->sweep.add_to(*command);
    command->add_option("--format", arguments->format, "table or json")->check(CLI::IsMember({"table", "json"}));
    command->callback([arguments] {
        const auto networks = networks_of(expand(load(arguments->sweep, MissingData::use_expect)));
        std::cout << (arguments->format == "json" ? describe_json(networks) : describe_table(networks));
    });
}
} // namespace

void add_plan_commands(CLI::App& app, int&) {
    add_plan(app);
    add_describe(app);
}

} // namespace dagan
