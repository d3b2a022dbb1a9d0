// dagan results upgrade|check|salvage|merge|diff|curves: whole databases, and several at once
#include "base/error.h"
#include "base/file.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/campaign_lock.h"
#include "launcher/cli/commands.h"
#include "results/maintenance/salvage.h"
#include "results/maintenance/upgrade_merge.h"
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

// What these commands work on. It may be damaged, so it is not opened here.
void require_file(const std::string& folder) {
    if (fs::exists(CampaignFolder(folder).database())) return;
    if (fs::exists(CampaignFolder(folder).published_rows())) {
        throw input_error(fmt::format("{}: has published rows only, no database; hint: the tables, "
                                      "plots and `diff` read them",
                                      folder));
    }
    const results::Location database = database_of(folder); // throws when there is none at all
    throw input_error(fmt::format("{}: its results are in {}; hint: a PostgreSQL base is saved and "
                                  "checked with its own tools, "
                                  "pg_dump and pg_amcheck",
                                  folder, database.name()));
}

void add_upgrade(CLI::App& results) {
    auto* command = results.add_subcommand(
        "upgrade", "migrates the database of an older version of this program, after a backup\n"
                   "Example: dagan results upgrade campaigns/of-last-year");
    auto folder = std::make_shared<std::string>();
    command->add_option("folder", *folder, "the campaign's folder")->required();
    command->callback([folder] {
        const CampaignFolder campaign(*folder);
        require_file(*folder);
        const CampaignLock nobody_else(campaign);
        const auto upgraded = results::upgrade_database(campaign.database());
        if (!upgraded) {
            fmt::print("{}: is of this version already\n", campaign.database().string());
            return;
        }
        fmt::print("{}: schema {} is now {}; the old file is {}\n", campaign.database().string(),
                   upgraded->from, upgraded->to, upgraded->backup.string());
        for (const auto& [table, rows] : upgraded->rows)
            fmt::print("  {:<10} {:>9} rows\n", table, rows);
    });
}

void add_check(CLI::App& results, int& exit_code) {
    auto* command =
        results.add_subcommand("check", "reads the whole database and says what is wrong with it\n"
                                        "Example: dagan results check campaigns/demo");
    auto folder = std::make_shared<std::string>();
    command->add_option("folder", *folder, "the campaign's folder")->required();
    command->callback([folder, &exit_code] {
        const CampaignFolder campaign(*folder);
        require_file(*folder);
        const auto problems = results::damage_of(campaign.database());
        if (problems.empty()) {
            fmt::print("{}: whole\n", campaign.database().string());
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

// What the campaign's folder knows beside the database; nothing when it is of another version, or lost too.
KnownCampaign known_of(const CampaignFolder& folder) {
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
        if (rows.refused > 0) fmt::print(", {} refused: what they refer to is lost", rows.refused);
        if (rows.unreadable > 0) fmt::print(", {} places unreadable", rows.unreadable);
        fmt::print("\n");
    }
    fmt::print("{} results kept; {} ended tasks will be run again\n", salvaged.results,
               salvaged.to_run_again);
}

void add_salvage(CLI::App& results) {
    auto* command = results.add_subcommand(
        "salvage",
        "saves what can be read of a damaged database; `dagan run` then does what is lost again\n"
        "Example: dagan results salvage campaigns/demo --replace");
    struct Arguments {
        std::string folder;
        bool replace = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command->add_flag("--replace", arguments->replace,
                      "put it in the damaged one's place, which is kept as results.sqlite.damaged");
    command->callback([arguments] {
        const CampaignFolder campaign(arguments->folder);
        require_file(arguments->folder);
        const CampaignLock nobody_else(campaign);
        const auto known = known_of(campaign);
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
            throw input_error(kept.string() + ": is already there; hint: move it away");
        fs::rename(damaged, kept);
        if (fs::exists(damaged.string() + "-journal"))
            fs::rename(damaged.string() + "-journal", kept.string() + "-journal");
        fs::rename(saved, damaged);
        fmt::print("{}; the damaged one is {}\n", damaged.string(), kept.string());
    });
}

// Sample sheets are small and the report shows them; weights and pools stay at their sites.
void copy_samples(const CampaignFolder& from, const fs::path& to) {
    if (!fs::is_directory(from.root() / "samples")) return;
    fs::create_directories(to / "samples");
    fs::copy(from.root() / "samples", to / "samples",
             fs::copy_options::recursive | fs::copy_options::skip_existing);
}

// "NAME=FOLDER", or a folder that is its own name.
struct NamedFolder {
    std::string name, folder;
};
NamedFolder named_folder(const std::string& word) {
    const size_t sign = word.find('=');
    return sign == std::string::npos ? NamedFolder{word, word}
                                     : NamedFolder{word.substr(0, sign), word.substr(sign + 1)};
}

void add_merge(CLI::App& results) {
    auto* command =
        results.add_subcommand("merge", "joins the campaigns of several sites into one to be read, "
                                        "with where each result came from\n"
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
    command->add_option("-o,--output", arguments->output, "folder to make")->required();
    command->add_flag("--keep-first", arguments->keep_first,
                      "where results contradict each other, take the site named first");
    command->callback([arguments] {
        const CampaignFolder output(arguments->output);
        if (fs::exists(output.root()))
            throw input_error(output.root().string() +
                              ": is already there; hint: name a new folder");
        std::vector<results::MergeSite> sites;
        std::vector<CampaignFolder> folders;
        for (const std::string& word : arguments->folders) {
            const NamedFolder named = named_folder(word);
            require_file(named.folder);
            sites.push_back({named.name, database_of(named.folder).file()});
            folders.emplace_back(named.folder);
        }
        fs::create_directories(output.root());
        const results::Merged merged =
            results::merge_databases(sites, output.database(), arguments->keep_first);
        for (const CampaignFolder& folder : folders) copy_samples(folder, output.root());
        for (const auto& [site, count] : merged.results)
            fmt::print("{}: {} results\n", site, count);
        fmt::print("{} tasks have the same result at several sites, {} a different one\n",
                   merged.confirmed, merged.contradictions.size());
        for (const std::string& line : merged.contradictions) fmt::print("  {}\n", line);
    });
}

void add_diff(CLI::App& results) {
    auto* command = results.add_subcommand(
        "diff", "compares two campaigns cell by cell: which test accuracies differ beyond the luck "
                "of the seeds\n"
                "By a paired t test over the common seeds when the campaigns share seed and data, "
                "else by Welch's; adjusted for "
                "the number "
                "of cells (Holm).\nExample: dagan results diff campaigns/before campaigns/after");
    struct Arguments {
        std::string a, b, format = "table";
        bool all = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("first", arguments->a, "a campaign's folder")->required();
    command->add_option("second", arguments->b, "another's")->required();
    command
        ->add_option("--format", arguments->format,
                     "table (what differs), csv or json (every cell)")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    command->add_flag("--all", arguments->all, "every cell, also in the table");
    command->callback([arguments] {
        const results::Diff diff =
            results::diff_campaigns(database_of(arguments->a), database_of(arguments->b));
        std::cout << results::render_diff(diff, *enum_from<results::TableFormat>(arguments->format),
                                          arguments->all);
    });
}

void add_curves(CLI::App& results) {
    auto* command = results.add_subcommand(
        "curves", "draws one quantity of the DAGANs of several campaigns over each other: score, "
                  "critic_loss, penalty, spread, ...\n"
                  "Example: dagan results curves wide=campaigns/wide narrow=campaigns/narrow "
                  "--quantity score -o score.svg");
    struct Arguments {
        std::vector<std::string> folders;
        std::string quantity = "score", output;
    };
    auto arguments = std::make_shared<Arguments>();
    command
        ->add_option("folders", arguments->folders,
                     "the campaigns' folders, or GROUP=FOLDER; a group has one colour")
        ->required()
        ->expected(1, 100);
    command
        ->add_option("--quantity", arguments->quantity,
                     "what to draw, as the database's table `curve` names it")
        ->capture_default_str();
    command->add_option("-o,--output", arguments->output, "the SVG file to write")->required();
    command->callback([arguments] {
        std::vector<results::GroupedCurve> curves;
        std::set<std::string> groups;
        for (const std::string& word : arguments->folders) {
            const NamedFolder named = named_folder(word);
            groups.insert(named.name);
            for (auto& points : results::gan_curves(database_of(named.folder), arguments->quantity))
                curves.push_back({named.name, std::move(points)});
        }
        if (curves.empty()) {
            throw input_error(fmt::format("curves: {}: no DAGAN of these campaigns has such a "
                                          "curve; hint: dagan results query "
                                          "DIR \"SELECT DISTINCT quantity FROM curve\"",
                                          arguments->quantity));
        }
        if (groups.size() > results::kMostGroups) {
            throw input_error(fmt::format("curves: {} groups, and {} colours that can be told "
                                          "apart; hint: give folders that belong "
                                          "together one name, GROUP=FOLDER",
                                          groups.size(), results::kMostGroups));
        }
        write_atomically(arguments->output, results::overlay_plot(arguments->quantity, curves));
        fmt::print("{}\n", arguments->output);
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
