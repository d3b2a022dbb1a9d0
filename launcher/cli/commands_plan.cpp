// dagan plan, dagan describe
#include "base/duration.h"
#include "base/error.h"
#include "base/program_folder.h"
#include "launcher/campaign/campaign.h"
#include "launcher/cli/commands.h"
#include "launcher/cli/sweep_arguments.h"
#include "launcher/coordinator/forecast.h"
#include "launcher/slurm/site_profile.h"
#include "spec/json.h"
#include "spec/network.h"
#include "sweeps/cost_model.h"
#include "sweeps/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

namespace dagan::launcher {

namespace {
struct PlanArguments {
    SweepArguments sweep;
    int ranks = 0;
    std::string profile, from, format = "table";
    double macs_per_s = 0; // of --rate; 0: not given
};

// The site at which the job would run.
struct Site {
    std::string name; // of the profile; "": this machine
    int ranks = 1;
    bool gpus = false;
};

struct PlanFigures {
    std::map<std::string, int> tasks;
    Site site;
    Rate rate;
    Forecast forecast;
    int64_t disk = 0;
};

PlanFigures figures_of(const Sweep& sweep, const Plan& plan, const Site& site, const Rate& rate) {
    PlanFigures figures;
    for (const std::string& kind : split_names(enum_list(TaskKind{}))) figures.tasks[kind] = 0;
    for (const PlannedTask& task : plan.tasks) ++figures.tasks[to_string(kind_of(task.spec))];
    figures.site = site;
    figures.rate = rate;
    figures.forecast = make_forecast(plan, sweep.resources, site.ranks, site.gpus, rate).forecast;
    figures.disk = disk_bytes(plan);
    return figures;
}

Json interval(double expected, double factor) {
    return {{"expected", expected}, {"low", expected / factor}, {"high", expected * factor}};
}

std::string plan_json(const PlanFigures& figures) {
    return Json{{"tasks", figures.tasks},
                {"ranks", figures.site.ranks},
                {"gpu_hours",
                 interval(figures.forecast.rank_seconds / 3600, figures.rate.uncertainty)},
                {"makespan_s", interval(figures.forecast.makespan_s, figures.rate.uncertainty)},
                {"critical_path_s", figures.forecast.critical_path_s},
                {"disk_bytes", figures.disk},
                {"cost_source", figures.rate.source()}}
               .dump(2) +
           "\n";
}

std::string described(const Rate& rate, bool gpus) {
    if (!rate.measured.empty()) return "measured by an earlier campaign with these programs";
    return fmt::format("calibrated, not measured here: {:.3g} multiply-adds per second of {}",
                       rate.macs_per_s, gpus ? "a GPU" : "a core");
}

std::string plan_table(const Sweep& sweep, const PlanFigures& figures) {
    const Site& site = figures.site;
    std::string text =
        fmt::format("{} on {} {}{}\n", sweep.name, site.ranks, site.gpus ? "GPUs" : "ranks",
                    site.name.empty() ? "" : " of " + site.name);
    for (const auto& [kind, count] : figures.tasks)
        text += fmt::format("  {:<11} {:>6} tasks\n", kind, count);
    const auto range = [&](double seconds) {
        return fmt::format("{} ({} to {})", duration_in_two_units(seconds),
                           duration_in_two_units(seconds / figures.rate.uncertainty),
                           duration_in_two_units(seconds * figures.rate.uncertainty));
    };
    text += fmt::format("  {:<11} {}\n", "work",
                        range(figures.forecast.rank_seconds) +
                            (site.gpus ? " of one GPU" : " of one rank"));
    text += fmt::format("  {:<11} {}\n", "makespan", range(figures.forecast.makespan_s));
    text +=
        fmt::format("  {:<11} {:.1f} MiB\n", "disk", static_cast<double>(figures.disk) / (1 << 20));
    text +=
        fmt::format("  costs are {}; nothing was started\n", described(figures.rate, site.gpus));
    return text;
}

bool has_results(const CampaignFolder& folder) {
    if (std::filesystem::exists(folder.database())) return true;
    return std::filesystem::exists(folder.manifest()) && !read_manifest(folder).store.empty();
}

// Returns --rate, otherwise the rate that a campaign measured (that of --from, or campaigns/NAME),
// otherwise the calibrated one.
Rate rate_for(const PlanArguments& arguments, const std::string& sweep_name, bool gpus) {
    if (arguments.macs_per_s > 0) return {.macs_per_s = arguments.macs_per_s, .uncertainty = 1.5};
    const CampaignFolder folder(arguments.from.empty() ? "campaigns/" + sweep_name
                                                       : arguments.from);
    const bool measured = has_results(folder);
    if (!arguments.from.empty() && !measured)
        throw input_error(
            arguments.from +
            ": is not a campaign with results; hint: name the folder of `dagan run -o`");
    Rate rate =
        measured ? measured_rate(database_of(folder.root().string()), gpus) : calibrated_rate(gpus);
    if (!arguments.from.empty() && rate.measured.empty())
        throw input_error(fmt::format("{}: has no task that ran completely on a {}; hint: leave "
                                      "out --from to plan with calibrated costs",
                                      arguments.from, gpus ? "GPU" : "CPU"));
    return rate;
}

Site site_for(const PlanArguments& arguments, const Resources& resources) {
    const int fewest = std::max(1, resources.gan_ranks);
    if (arguments.profile.empty())
        return {.name = "", .ranks = arguments.ranks > 0 ? arguments.ranks : fewest};
    const auto path = find_site_profile(arguments.profile, program_folder());
    const SiteProfile profile = load_site_profile(path);
    return {.name = path.stem().string(),
            .ranks = arguments.ranks > 0 ? arguments.ranks : profile.fewest_ranks(),
            .gpus = profile.gpus_per_node > 0};
}

void add_plan(CLI::App& app) {
    auto* command =
        app.add_subcommand("plan", "predicts work, time and disk space of a sweep; starts "
                                   "nothing\nExample: dagan plan sweeps/table1.yaml -n 64");
    auto arguments = std::make_shared<PlanArguments>();
    arguments->sweep.add_to(*command);
    command
        ->add_option("-n,--ranks", arguments->ranks,
                     "ranks of the job (default: those of the profile, otherwise of a gang)")
        ->check(CLI::Range(1, 1000000));
    command->add_option("--profile", arguments->profile,
                        "site profile: plan for its nodes and GPUs instead of this machine");
    command->add_option(
        "--from", arguments->from,
        "use the costs that this campaign measured (default: campaigns/NAME if it exists)");
    command
        ->add_option(
            "--rate", arguments->macs_per_s,
            "use this speed: multiply-adds per second of one trainer thread, or of one GPU")
        ->check(CLI::PositiveNumber);
    command->add_option("--format", arguments->format, "table or json")
        ->check(CLI::IsMember({"table", "json"}));
    command->callback([arguments] {
        const sweeps::LoadedSweep loaded = load(arguments->sweep, sweeps::MissingData::use_expect);
        const Site site = site_for(*arguments, loaded.sweep.resources);
        const PlanFigures figures = figures_of(loaded.sweep, sweeps::expand(loaded), site,
                                               rate_for(*arguments, loaded.sweep.name, site.gpus));
        std::cout << (arguments->format == "json" ? plan_json(figures)
                                                  : plan_table(loaded.sweep, figures));
    });
}

struct DescribedNetwork {
    std::string dataset;
    NetworkTable table;
};

// Returns the networks of the plan, each once per data set.
std::vector<DescribedNetwork> networks_of(const Plan& plan) {
    std::vector<DescribedNetwork> networks;
    const auto add = [&](const DatasetRef& dataset, NetworkTable table) {
        const bool known =
            std::any_of(networks.begin(), networks.end(), [&](const DescribedNetwork& other) {
                return other.dataset == dataset.name && other.table.network == table.network &&
                       other.table.layers == table.layers;
            });
        if (!known) networks.push_back({dataset.name, std::move(table)});
    };
    for (const PlannedTask& planned : plan.tasks) {
        if (const auto* gan = std::get_if<GanTask>(&planned.spec)) {
            add(gan->dataset, generator_table(gan->gan, gan->dataset.channels, gan->dataset.size));
            add(gan->dataset, critic_table(gan->gan, gan->dataset.channels, gan->dataset.size));
        } else if (const auto* task = std::get_if<ClassifierTask>(&planned.spec)) {
            add(task->dataset,
                classifier_table(task->classifier, task->dataset.channels, task->dataset.size,
                                 sweeps::classes_of_task(planned.spec)));
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
    const std::string op = row.op == LayerOp::dense
                               ? "dense"
                               : fmt::format("{}{}x{}{}", row.resize == Resize::up ? "up " : "",
                                             row.kernel, row.kernel, row.stride == 2 ? " /2" : "");
    const std::string size = row.op == LayerOp::dense ? "-"
                             : row.in_size == row.out_size
                                 ? std::to_string(row.in_size)
                                 : fmt::format("{}->{}", row.in_size, row.out_size);
    return fmt::format("  {:<16} {:<9} {:<8} {:>5} -> {:<5} {:>10} {:>7} {:>14}  {}\n", row.name,
                       op, size, row.in_channels, row.out_channels, row.parameters,
                       row.norm_parameters, row.macs, to_string(row.after));
}

std::string describe_table(const std::vector<DescribedNetwork>& networks) {
    std::string text;
    for (const DescribedNetwork& network : networks) {
        text +=
            fmt::format("{} of {}\n  {:<16} {:<9} {:<8} {:>5} -> {:<5} {:>10} {:>7} {:>14}  {}\n",
                        network.table.network, network.dataset, "layer", "op", "size", "in", "out",
                        "weights", "norm", "multiply-adds", "after");
        for (const LayerRow& row : network.table.layers) text += layer_line(row);
        text += fmt::format("  parameters {} ; multiply-adds per image {:.1f} M\n\n",
                            network.table.parameters(),
                            static_cast<double>(network.table.macs()) / 1e6);
    }
    return text;
}

void add_describe(CLI::App& app) {
    auto* command =
        app.add_subcommand("describe", "prints the networks of a sweep, layer by layer\nExample: "
                                       "dagan describe sweeps/table1.yaml");
    struct Arguments {
        SweepArguments sweep;
        std::string format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    arguments->sweep.add_to(*command);
    command->add_option("--format", arguments->format, "table or json")
        ->check(CLI::IsMember({"table", "json"}));
    command->callback([arguments] {
        const auto networks =
            networks_of(sweeps::expand(load(arguments->sweep, sweeps::MissingData::use_expect)));
        std::cout << (arguments->format == "json" ? describe_json(networks)
                                                  : describe_table(networks));
    });
}
} // namespace

void add_plan_commands(CLI::App& app, int&) {
    add_plan(app);
    add_describe(app);
}

} // namespace dagan::launcher
