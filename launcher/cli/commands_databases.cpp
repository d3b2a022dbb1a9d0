// dagan results upgrade|check|salvage|merge|diff|curves: commands on whole databases and on several
#include "base/error.h"
#include "base/file.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/campaign_lock.h"
#include "launcher/cli/commands.h"
#include "results/maintenance/salvage.h"
#include "results/maintenance/upgrade_merge.h"
#include "results/output/curve_table.h"
#include "results/output/plot.h"
#include "results/output/table_text.h"
#include "results/query/diff.h"

#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <set>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {

// Checks that the campaign's results are in a SQLite file. Does not open it: it may be damaged.
void require_sqlite_file(const std::string& folder) {
    if (fs::exists(CampaignFolder(folder).database())) return;
    if (fs::exists(CampaignFolder(folder).published_rows())) {
        throw input_error(fmt::format("{}: has published rows but no database; hint: published "
                                      "rows are read by the tables, plots and `diff`",
                                      folder));
    }
    const results::Location database = database_of(folder); // throws if there is no database
    throw input_error(fmt::format("{}: its results are in {}; hint: back up and check a PostgreSQL "
                                  "database with its own tools, pg_dump and pg_amcheck",
                                  folder, database.name()));
}

void add_upgrade(CLI::App& results) {
    auto* command = results.add_subcommand(
        "upgrade", "upgrades a database of an older version of this program, after a backup\n"
                   "Example: dagan results upgrade campaigns/of-last-year");
    auto folder = std::make_shared<std::string>();
    command->add_option("folder", *folder, "the campaign's folder")->required();
    command->callback([folder] {
        const CampaignFolder campaign(*folder);
        require_sqlite_file(*folder);
        const CampaignLock lock(campaign);
        const auto upgraded = results::upgrade_database(campaign.database());
        if (!upgraded) {
            fmt::print("{}: already has the current schema\n", campaign.database().string());
            return;
        }
        fmt::print("{}: upgraded from schema {} to {}; backup: {}\n", campaign.database().string(),
                   upgraded->from, upgraded->to, upgraded->backup.string());
        for (const auto& [table, rows] : upgraded->rows)
            fmt::print("  {:<10} {:>9} rows\n", table, rows);
    });
}

void add_check(CLI::App& results, int& exit_code) {
    auto* command = results.add_subcommand("check", "reads the whole database and reports damage\n"
                                                    "Example: dagan results check campaigns/demo");
    auto folder = std::make_shared<std::string>();
    command->add_option("folder", *folder, "the campaign's folder")->required();
    command->callback([folder, &exit_code] {
        const CampaignFolder campaign(*folder);
        require_sqlite_file(*folder);
        const auto problems = results::damage_of(campaign.database());
        if (problems.empty()) {
            fmt::print("{}: not damaged\n", campaign.database().string());
            return;
        }
        for (const auto& problem : problems) fmt::print("{}\n", problem);
        fmt::print(stderr,
                   "{}: the database is damaged; hint: `dagan results salvage {}` saves what can "
                   "be read\n",
                   campaign.database().string(), *folder);
        exit_code = static_cast<int>(ExitCode::input);
    });
}

struct KnownCampaign {
    std::optional<results::Campaign> campaign;
    Plan plan;
};

// Reads campaign.json. Returns an empty record if it is missing, or of another version.
KnownCampaign read_known_campaign(const CampaignFolder& folder) {
    try {
        const Manifest manifest = read_manifest(folder);
        return {manifest.campaign, manifest.plan()};
    } catch (const Error&) {
        return {};
    }
}

void print_salvaged(const results::Salvaged& salvaged) {
    for (const auto& [table, rows] : salvaged.tables) {
        fmt::print("  {:<10} {:>9} rows kept", table, rows.kept);
        if (rows.refused > 0)
            fmt::print(", {} refused: rows that they refer to are lost", rows.refused);
        if (rows.unreadable > 0) fmt::print(", {} positions unreadable", rows.unreadable);
        fmt::print("\n");
    }
    fmt::print("{} results kept; {} finished tasks will run again\n", salvaged.results,
               salvaged.to_run_again);
}

void add_salvage(CLI::App& results) {
    auto* command = results.add_subcommand(
        "salvage",
        "recovers the readable part of a damaged database; `dagan run` then repeats lost tasks\n"
        "Example: dagan results salvage campaigns/demo --replace");
    struct Arguments {
        std::string folder;
        bool replace = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command->add_flag("--replace", arguments->replace,
                      "replace the damaged database, which is kept as results.sqlite.damaged");
    command->callback([arguments] {
        const CampaignFolder campaign(arguments->folder);
        require_sqlite_file(arguments->folder);
        const CampaignLock lock(campaign);
        const auto known = read_known_campaign(campaign);
        const fs::path damaged = campaign.database(), saved = damaged.string() + ".salvaged";
        const results::Salvaged salvaged =
            results::salvage_database(damaged, saved, known.campaign, known.plan);
        print_salvaged(salvaged);
        if (!arguments->replace) {
            fmt::print("{}\n", saved.string());
            return;
        }
        const fs::path kept = damaged.string() + ".damaged";
        if (fs::exists(kept))
            throw input_error(kept.string() + ": already exists; hint: move it away");
        fs::rename(damaged, kept);
        if (fs::exists(damaged.string() + "-journal"))
            fs::rename(damaged.string() + "-journal", kept.string() + "-journal");
        fs::rename(saved, damaged);
        fmt::print("{}; the damaged database is {}\n", damaged.string(), kept.string());
    });
}

// Copies contact sheets, which are small and which the report shows. Weights and pools stay at
// their sites.
void copy_samples(const CampaignFolder& from, const CampaignFolder& to) {
    if (!fs::is_directory(from.samples_dir())) return;
    fs::create_directories(to.samples_dir());
    fs::copy(from.samples_dir(), to.samples_dir(),
             fs::copy_options::recursive | fs::copy_options::skip_existing);
}

// The argument "NAME=FOLDER", or "FOLDER", which is then the name too.
struct NamedFolder {
    std::string name, folder;
};
NamedFolder named_folder(const std::string& word) {
    const size_t sign = word.find('=');
    return sign == std::string::npos ? NamedFolder{word, word}
                                     : NamedFolder{word.substr(0, sign), word.substr(sign + 1)};
}

void add_merge(CLI::App& results) {
    auto* command = results.add_subcommand(
        "merge", "merges the campaigns of several sites into one for reading, "
                 "and records the site of each result\n"
                 "Example: dagan results merge site-a/table1 site-b/table1 "
                 "-o merged && dagan results table1 merged");
    struct Arguments {
        std::vector<std::string> folders;
        std::string output;
        bool keep_first = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folders", arguments->folders, "the campaigns' folders, or NAME=FOLDER")
        ->required()
        ->expected(2, 100);
    command->add_option("-o,--output", arguments->output, "folder to create")->required();
    command->add_flag("--keep-first", arguments->keep_first,
                      "where results contradict each other, take those of the site named first");
    command->callback([arguments] {
        const CampaignFolder output(arguments->output);
        if (fs::exists(output.root()))
            throw input_error(output.root().string() + ": already exists; hint: name a new folder");
        std::vector<results::MergeSite> sites;
        std::vector<CampaignFolder> folders;
        for (const std::string& word : arguments->folders) {
            const NamedFolder named = named_folder(word);
            require_sqlite_file(named.folder);
            sites.push_back({named.name, database_of(named.folder).file()});
            folders.emplace_back(named.folder);
        }
        fs::create_directories(output.root());
        const results::Merged merged =
            results::merge_databases(sites, output.database(), arguments->keep_first);
        for (const CampaignFolder& folder : folders) copy_samples(folder, output);
        for (const auto& [site, count] : merged.results)
            fmt::print("{}: {} results\n", site, count);
        fmt::print("{} tasks have the same result at several sites, {} have different results\n",
                   merged.confirmed, merged.contradictions.size());
        for (const std::string& line : merged.contradictions) fmt::print("  {}\n", line);
    });
}

void add_diff(CLI::App& results) {
    auto* command = results.add_subcommand(
        "diff", "compares two campaigns cell by cell: which test accuracies differ beyond the "
                "variation of the seeds\n"
                "The test is a paired t test over the common seeds if the campaigns share seed and "
                "data, else Welch's t test; p values are adjusted for the number of cells (Holm).\n"
                "Example: dagan results diff campaigns/before campaigns/after");
    struct Arguments {
        std::string a, b, format = "table";
        bool all = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("first", arguments->a, "a campaign's folder")->required();
    command->add_option("second", arguments->b, "the other campaign's folder")->required();
    command
        ->add_option("--format", arguments->format,
                     "table (differing cells only), csv or json (every cell)")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    command->add_flag("--all", arguments->all, "show every cell in the table");
    command->callback([arguments] {
        const results::Diff diff =
            results::diff_campaigns(database_of(arguments->a), database_of(arguments->b));
        std::cout << results::render_diff(diff, *enum_from<results::TableFormat>(arguments->format),
                                          arguments->all);
    });
}

// The curves of every campaign in one figure; a group of campaigns shares a colour.
void draw_curves(const std::vector<std::string>& folders, const std::string& quantity,
                 const fs::path& output) {
    std::vector<results::GroupedCurve> curves;
    std::set<std::string> groups;
    for (const std::string& word : folders) {
        const NamedFolder named = named_folder(word);
        groups.insert(named.name);
        for (auto& points : results::gan_curves(database_of(named.folder), quantity))
            curves.push_back({named.name, std::move(points)});
    }
    if (curves.empty()) {
        throw input_error(fmt::format("curves: {}: no DAGAN of these campaigns has such a curve; "
                                      "hint: dagan results query DIR \"SELECT DISTINCT quantity "
                                      "FROM curve\"",
                                      quantity));
    }
    if (groups.size() > results::kMostGroups) {
        throw input_error(fmt::format("curves: {} groups, but only {} distinguishable colours; "
                                      "hint: give related folders the same name, GROUP=FOLDER",
                                      groups.size(), results::kMostGroups));
    }
    write_atomically(output, results::overlay_plot(quantity, curves));
    fmt::print("{}\n", output.string());
}

void print_curves(const std::vector<std::string>& folders, const std::string& quantity,
                  results::TableFormat format) {
    if (folders.size() != 1) {
        throw input_error(fmt::format("curves: a table shows one campaign, not {}; hint: -o "
                                      "FILE.svg draws the curves of several",
                                      folders.size()));
    }
    const results::Location database = database_of(named_folder(folders.front()).folder);
    std::cout << results::render(results::curve_table(database, quantity), format);
}

void add_curves(CLI::App& results) {
    auto* command = results.add_subcommand(
        "curves",
        "lists the training curves of every task of a campaign, or with -o draws one quantity of "
        "the DAGANs of several campaigns in one figure\n"
        "Example: dagan results curves campaigns/demo --format csv > curves.csv\n"
        "Example: dagan results curves wide=campaigns/wide narrow=campaigns/narrow --quantity "
        "score -o score.svg");
    struct Arguments {
        std::vector<std::string> folders;
        std::string quantity, format = "table", output;
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folders", arguments->folders,
                     "the campaign's folder; to draw several, FOLDER or GROUP=FOLDER each, one "
                     "colour per group")
        ->required()
        ->expected(1, 100);
    command->add_option("--quantity", arguments->quantity,
                        "only this quantity: score, critic_loss, loss, validation_accuracy, ... "
                        "(default: all; with -o: score)");
    auto* format = command->add_option("--format", arguments->format, "table, csv, json")
                       ->check(CLI::IsMember({"table", "csv", "json"}));
    command->add_option("-o,--output", arguments->output, "draw to this SVG file")
        ->excludes(format);
    command->callback([arguments] {
        if (arguments->output.empty()) {
            print_curves(arguments->folders, arguments->quantity,
                         *enum_from<results::TableFormat>(arguments->format));
        } else {
            draw_curves(arguments->folders,
                        arguments->quantity.empty() ? "score" : arguments->quantity,
                        arguments->output);
        }
    });
}
} // namespace

void add_database_commands(CLI::App& results, int& exit_code) {
    add_curves(results);
    add_diff(results);
    add_merge(results);
    add_check(results, exit_code);
    add_upgrade(results);
    add_salvage(results);
}

} // namespace dagan::launcher
