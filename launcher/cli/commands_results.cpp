// dagan results rows|cells|table1|gains|choices|query|export|plot|report
#include "base/error.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/temporary_folder.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/campaign_status.h"
#include "launcher/cli/commands.h"
#include "launcher/coordinator/forecast.h"
#include "results/maintenance/rows_file.h"
#include "results/maintenance/upgrade_merge.h"
#include "results/output/export.h"
#include "results/output/plot.h"
#include "results/output/table_text.h"
#include "results/query/queries.h"
#include "results/query/reductions.h"
#include "results/report/report.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <thread>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// A temporary database made from a folder's published rows. Removed when the program ends.
fs::path database_of_rows(const CampaignFolder& campaign) {
    static std::vector<std::unique_ptr<TemporaryFolder>> folders;
    const CampaignPaths temporary(
        folders.emplace_back(std::make_unique<TemporaryFolder>())->path());
    const fs::path database = temporary.database();
    const Manifest manifest = read_manifest(campaign);
    results::make_database_of_rows(campaign.published_rows(), manifest.campaign, manifest.plan(),
                                   database);
    return database;
}
} // namespace

results::Location database_of(const std::string& folder_or_url) {
    const results::Location location = results::Location::parse(folder_or_url);
    if (location.is_server()) return location;
    const CampaignFolder campaign(folder_or_url);
    if (!fs::exists(campaign.database())) {
        if (fs::exists(campaign.published_rows())) return database_of_rows(campaign);
        const results::Location server = fs::exists(campaign.manifest())
                                             ? results_of(campaign, read_manifest(campaign))
                                             : results::Location("");
        if (server.is_server()) return server;
        throw input_error(
            fmt::format("{}: has no results: no results.sqlite; hint: name the folder "
                        "of a campaign that was started",
                        campaign.root().string()));
    }
    if (const auto version = results::older_schema(campaign.database())) {
        fmt::print(
            stderr,
            "{}: written by an older version of this program (schema {}); it is read without "
            "changing it; hint: `dagan results upgrade {}` migrates it and keeps a backup\n",
            campaign.database().string(), *version, folder_or_url);
    }
    return campaign.database();
}

namespace {
// How the campaign's sweep is smaller than the paper's; says so if the sweep cannot be read.
std::vector<std::string> reduced_in(const results::Location& database) {
    const auto reduced = results::reductions_of(results::campaign_of(database));
    if (reduced) return *reduced;
    return {"unknown, because the sweep was written by another version of this program"};
}

using Renderer =
    std::function<std::string(const results::Location& database, results::TableFormat format)>;

void add_table(CLI::App& results, const std::string& name, const std::string& help,
               std::vector<std::string> formats, Renderer renderer) {
    auto* command = results.add_subcommand(
        name, fmt::format("{}\nExample: dagan results {} campaigns/demo --format csv", help, name));
    struct Arguments {
        std::string folder, format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folder", arguments->folder, "the campaign's folder, or a postgresql:// URL")
        ->required();
    command->add_option("--format", arguments->format, fmt::format("{}", fmt::join(formats, ", ")))
        ->check(CLI::IsMember(formats));
    command->callback([arguments, renderer = std::move(renderer)] {
        std::cout << renderer(database_of(arguments->folder),
                              *enum_from<results::TableFormat>(arguments->format));
    });
}

constexpr const char* kFilesHelp = "the campaign's folder, if the results are on a server "
                                   "(default: the current folder)";

// The folder that holds a campaign's contact sheets and its report.
fs::path files_of(const std::string& folder_or_url, const std::string& files) {
    if (!files.empty()) return files;
    return results::Location::parse(folder_or_url).is_server()
               ? fs::current_path()
               : CampaignFolder(folder_or_url).root();
}

// As add_table, with the option --interval.
void add_cells(CLI::App& results) {
    auto* command = results.add_subcommand(
        "cells", "prints means, intervals and paired gains over the seeds\n"
                 "Example: dagan results cells campaigns/demo --interval bootstrap");
    struct Arguments {
        std::string folder, format = "table", interval = "t";
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folder", arguments->folder, "the campaign's folder, or a postgresql:// URL")
        ->required();
    command->add_option("--format", arguments->format, "table, csv, json")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    command->add_option("--interval", arguments->interval, "t (Student's) or bootstrap (BCa)")
        ->check(CLI::IsMember({"t", "bootstrap"}));
    command->callback([arguments] {
        const results::Location database = database_of(arguments->folder);
        std::cout << results::render_cells(
            results::cell_rows(database, *enum_from<results::IntervalMethod>(arguments->interval)),
            *enum_from<results::TableFormat>(arguments->format), reduced_in(database));
    });
}

void add_export(CLI::App& results) {
    auto* command = results.add_subcommand(
        "export", "writes all results for other tools: CSV or JSON files, or a folder for MLflow\n"
                  "Example: dagan results export campaigns/demo --format csv -o tables");
    struct Arguments {
        std::string folder, format, output, files;
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folder", arguments->folder, "the campaign's folder, or a postgresql:// URL")
        ->required();
    command->add_option("--format", arguments->format, "csv, json, mlflow")
        ->required()
        ->check(CLI::IsMember({"csv", "json", "mlflow"}));
    command->add_option("-o,--output", arguments->output, "the new folder")->required();
    command->add_option("--files", arguments->files, kFilesHelp);
    command->callback([arguments] {
        results::export_results(
            database_of(arguments->folder), files_of(arguments->folder, arguments->files),
            *enum_from<results::ExportFormat>(arguments->format), arguments->output);
        fmt::print("{}\n", arguments->output);
    });
}

void add_query(CLI::App& results) {
    auto* command = results.add_subcommand(
        "query", "runs one SELECT on the database (tables and views: results/database/schema.sql); "
                 "refuses to write\n"
                 "Example: dagan results query campaigns/demo 'SELECT * FROM cell' --format csv");
    struct Arguments {
        std::string folder, sql, format = "table";
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folder", arguments->folder, "the campaign's folder, or a postgresql:// URL")
        ->required();
    command->add_option("sql", arguments->sql, "one SELECT")->required();
    command->add_option("--format", arguments->format, "table, csv, json")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    command->callback([arguments] {
        std::cout << results::render(
            results::run_query(database_of(arguments->folder), arguments->sql),
            *enum_from<results::TableFormat>(arguments->format));
    });
}

// Draws with librsvg's program. Linking librsvg would load a dozen libraries at every start of
// `dagan`.
std::string png_of(const std::string& svg) {
    constexpr const char* kProgram = "rsvg-convert";
    const fs::path source =
        fs::temp_directory_path() / fmt::format("dagan-plot-{}.svg", ::getpid());
    write_atomically(source, svg);
    // Zoom 4: 300 dpi at a width of 16 cm.
    const ProgramOutput drawn =
        run_program({kProgram, "--zoom", "4", source.string()}, own_environment());
    fs::remove(source);
    if (drawn.exit_code == 127) {
        throw system_error(fmt::format("plot: PNG needs {}, which is not installed; hint: apt-get "
                                       "install librsvg2-bin, or use --format svg",
                                       kProgram));
    }
    if (drawn.exit_code != 0)
        throw system_error(
            fmt::format("plot: {} failed with exit code {}", kProgram, drawn.exit_code));
    return drawn.text;
}

void add_plot(CLI::App& results) {
    auto* command = results.add_subcommand(
        "plot", "draws test accuracy against the number of generated images per real image, one "
                "figure for each data set and n, and the gains over n\n"
                "Example: dagan results plot campaigns/demo -o figures --format png");
    struct Arguments {
        std::string folder, output = ".", format = "svg";
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folder", arguments->folder, "the campaign's folder, or a postgresql:// URL")
        ->required();
    command->add_option("-o,--output", arguments->output, "folder for the figures");
    command->add_option("--format", arguments->format, "svg, or png (by rsvg-convert)")
        ->check(CLI::IsMember({"svg", "png"}));
    command->callback([arguments] {
        const results::Location database = database_of(arguments->folder);
        const bool reduced = !reduced_in(database).empty();
        std::vector<results::NamedPlot> plots = results::accuracy_plots(
            results::cell_rows(database), reduced, results::ChartStyle::file);
        std::ranges::move(results::gain_plots(results::gain_rows(database),
                                              results::choice_rows(database), reduced,
                                              results::ChartStyle::file),
                          std::back_inserter(plots));
        for (const results::NamedPlot& plot : plots) {
            const fs::path path =
                fs::path(arguments->output) / (plot.name + "." + arguments->format);
            if (arguments->format == "png")
                write_atomically(path, png_of(plot.svg));
            else
                write_atomically(path, plot.svg);
            fmt::print("{}\n", path.string());
        }
    });
}

// The predicted time of each task. Empty if the campaign is of another version, whose plan this
// program cannot make.
results::Prediction predicted_for(const CampaignFolder& folder) {
    results::Prediction predicted;
    try {
        const Plan plan = read_manifest(folder).plan();
        const auto saved = read_forecast(folder.forecast());
        const Rate rate = saved ? saved->rate : Rate{};
        const auto seconds = expected_seconds(plan, rate);
        for (size_t i = 0; i < plan.tasks.size(); ++i)
            predicted.seconds[plan.tasks[i].key] = seconds[i];
        predicted.uncertainty = rate.uncertainty;
        predicted.source = rate.source();
    } catch (const Error&) {
        return {};
    }
    return predicted;
}

// Rewrites the report until the campaign has ended. The last page no longer reloads itself.
void report_live(const results::Location& database, const CampaignFolder& folder,
                 results::ReportOptions options, int every_s) {
    for (bool running = true; running;) {
        const auto status = present_status(folder);
        running = status && status->state == CampaignState::running;
        options.refresh_s = running ? every_s : 0;
        const auto path = results::write_report(database, folder.root(), options);
        fmt::print("{}: {}\n", path.string(),
                   status ? status_line(*status) : "no campaign is running");
        std::cout.flush();
        if (running) std::this_thread::sleep_for(std::chrono::seconds(every_s));
    }
}

void add_report(CLI::App& results) {
    auto* command =
        results.add_subcommand("report", "writes one self-contained HTML page: table, plots, "
                                         "samples, timeline, costs, failures, provenance\n"
                                         "Example: dagan results report campaigns/demo --live");
    struct Arguments {
        std::string folder, files;
        bool live = false;
        int every_s = 60;
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folder", arguments->folder, "the campaign's folder, or a postgresql:// URL")
        ->required();
    command->add_option("--files", arguments->files, kFilesHelp);
    command->add_flag(
        "--live", arguments->live,
        "rewrite the report every minute while the campaign runs; the open page reloads itself");
    command
        ->add_option("--every", arguments->every_s,
                     "with --live: seconds between two reports (default: 60)")
        ->check(CLI::Range(1, 86400));
    command->callback([arguments] {
        const results::Location database = database_of(arguments->folder);
        const CampaignFolder folder(files_of(arguments->folder, arguments->files));
        const results::ReportOptions options{predicted_for(folder)};
        if (arguments->live)
            report_live(database, folder, options, arguments->every_s);
        else
            fmt::print("{}\n", results::write_report(database, folder.root(), options).string());
    });
}
} // namespace

void add_results_commands(CLI::App& app, int& exit_code) {
    auto* results =
        app.add_subcommand("results", "shows the results of a campaign, also while it runs\n"
                                      "Example: dagan results table1 campaigns/demo")
            ->require_subcommand(1);
    add_table(*results, "rows", "prints one line per finished classifier", {"table", "csv", "json"},
              [](const results::Location& database, results::TableFormat format) {
                  int missing = 0;
                  for (const results::CellRow& cell : results::cell_rows(database))
                      missing += cell.missing;
                  return results::render_rows(results::trial_rows(database), format, missing);
              });
    add_cells(*results);
    add_table(*results, "table1",
              "prints the paper's Table 1: without and with the DAGAN, m chosen by validation",
              {"table", "csv", "json", "latex"},
              [](const results::Location& database, results::TableFormat format) {
                  return results::render_table1(results::table1_rows(database), format,
                                                reduced_in(database));
              });
    add_table(
        *results, "gains",
        "prints the gains from generated images: each m against both baselines, with intervals and "
        "tests",
        {"table", "csv", "json", "latex"},
        [](const results::Location& database, results::TableFormat format) {
            return results::render_gains(results::gain_rows(database), format,
                                         reduced_in(database));
        });
    add_table(*results, "choices", "prints validation accuracy against m, and the m it chooses",
              {"table", "csv", "json", "latex"},
              [](const results::Location& database, results::TableFormat format) {
                  return results::render_choices(results::choice_rows(database), format,
                                                 reduced_in(database));
              });
    add_query(*results);
    add_export(*results);
    add_plot(*results);
    add_report(*results);
    add_database_commands(*results, exit_code);
}

} // namespace dagan::launcher
