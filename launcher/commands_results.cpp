// dagan results rows|cells|table1|query|plot|report
#include "base/error.h"
#include "base/file.h"
#include "launcher/campaign.h"
#include "launcher/commands.h"
#include "results/plot.h"
#include "results/queries.h"
#include "results/reductions.h"
#include "results/render.h"
#include "results/report.h"

#include <fmt/format.h>

#include <functional>
#include <iostream>
#include <memory>

namespace dagan {

namespace fs = std::filesystem;

namespace {
// The database of a campaign's folder.
fs::path database_of(const std::string& folder) {
    const CampaignFolder campaign(folder);
    if (!fs::exists(campaign.database())) {
        throw input_error(
            fmt::format("{}: has no results: there is no results.sqlite; hint: give the folder of a campaign that was started",
                        campaign.root().string()));
    }
    return campaign.database();
}

std::vector<std::string> reduced_in(const fs::path& database) { return reductions(sweep_from_text(campaign_of(database).sweep)); }

using Renderer = std::function<std::string(const fs::path& database, TableFormat format)>;

void add_table(CLI::App& results, const std::string& name, const std::string& help, std::vector<std::string> formats,
               Renderer renderer) {
    auto* command =
        results.add_subcommand(name, fmt::format("{}\nExample: dagan results {} campaigns/demo --format csv", help, name));
    struct Arguments {
        std::string folder, format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command->add_option("--format", arguments->format, fmt::format("{}", fmt::join(formats, ", ")))
        ->check(CLI::IsMember(formats));
    command->callback([arguments, renderer = std::move(renderer)] {
        std::cout << renderer(database_of(arguments->folder), *enum_from<TableFormat>(arguments->format));
    });
}

void add_query(CLI::App& results) {
    auto* command = results.add_subcommand(
        "query", "any SELECT over the database (tables and views: results/schema.sql); nothing can be written\n"
                 "Example: dagan results query campaigns/demo 'SELECT * FROM cell' --format csv");
    struct Arguments {
        std::string folder, sql, format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command->add_option("sql", arguments->sql, "one SELECT")->required();
    command->add_option("--format", arguments->format, "table, csv or json")->check(CLI::IsMember({"table", "csv", "json"}));
    command->callback([arguments] {
        std::cout << render(run_query(database_of(arguments->folder), arguments->sql),
                            *enum_from<TableFormat>(arguments->format));
    });
}

void add_plot(CLI::App& results) {
    auto* command = results.add_subcommand(
        "plot", "draws test accuracy against generated images per real one, an SVG for each data set and n\n"
                "Example: dagan results plot campaigns/demo -o figures");
    struct Arguments {
        std::string folder, output = ".";
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command->add_option("-o,--output", arguments->output, "folder for the figures");
    command->callback([arguments] {
        const fs::path database = database_of(arguments->folder);
        for (const NamedPlot& plot : accuracy_plots(cell_rows(database), !reduced_in(database).empty())) {
            const fs::path path = fs::path(arguments->output) / (plot.name + ".svg");
            write_atomically(path, plot.svg);
            fmt::print("{}\n", path.string());
        }
    });
}

void add_report(CLI::App& results) {
    auto* command =
        results.add_subcommand("report", "writes one self-contained HTML page: table, plots, samples, failures, provenance\n"
                                         "Example: dagan results report campaigns/demo");
    auto folder = std::make_shared<std::string>();
    command->add_option("folder", *folder, "the campaign's folder")->required();
    command->callback([folder] {
        database_of(*folder);
        fmt::print("{}\n", write_report(CampaignFolder(*folder).root()).string());
    });
}
} // namespace

void add_results_commands(CLI::App& app, int&) {
    auto* results = app.add_subcommand("results", "what a campaign found, also while it runs")->require_subcommand(1);
    add_table(*results, "rows", "one line per finished classifier", {"table", "csv", "json"},
              [](const fs::path& database, TableFormat format) { return render_rows(trial_rows(database), format); });
    add_table(*results, "cells", "means, intervals and paired gains over the seeds", {"table", "csv", "json"},
              [](const fs::path& database, TableFormat format) {
                  return render_cells(cell_rows(database), format, reduced_in(database));
              });
    add_table(*results, "table1", "the paper's Table 1: without and with the DAGAN, m chosen by validation",
              {"table", "csv", "json", "latex"}, [](const fs::path& database, TableFormat format) {
                  return render_table1(table1_rows(database), format, reduced_in(database));
              });
    add_query(*results);
    add_plot(*results);
    add_report(*results);
}

} // namespace dagan
