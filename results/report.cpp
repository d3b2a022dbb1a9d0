#include "results/report.h"

#include "base/file.h"
#include "results/html.h"
#include "results/plot.h"
#include "results/published.h"
#include "results/reductions.h"
#include "results/report_data.h"
#include "results/schema.h"
#include "results/trials.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace dagan {

namespace {

namespace fs = std::filesystem;

constexpr size_t kSheetsShown = 4; // of each DAGAN, evenly over its training
constexpr size_t kFailuresShown = 200;
constexpr size_t kMissingShown = 500;
constexpr const char* kDash = "–";

std::string fraction(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : kDash; }

std::string interval(const std::optional<double>& low, const std::optional<double>& high) {
    return low && high ? fmt::format("{:.4f} to {:.4f}", *low, *high) : kDash;
}

std::string gain_text(const CellRow& cell) {
    if (!cell.gain_mean) return kDash;
    if (!cell.gain_low) return fmt::format("{:+.4f}", *cell.gain_mean);
    return fmt::format("{:+.4f} ({:+.4f} to {:+.4f})", *cell.gain_mean, *cell.gain_low, *cell.gain_high);
}

std::string seeds_text(int seeds, int missing) {
    if (missing == 0) return std::to_string(seeds);
    return fmt::format("<span class=\"missing\">{} of {}</span>", seeds, seeds + missing);
}

std::string reduced_mark(const std::vector<std::string>& reduced) {
    return reduced.empty() ? "" : " <span class=\"reduced\">reduced</span>";
}

std::string section(const std::string& id, const std::string& heading, const std::string& body) {
    return fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-heading\">\n<h2 id=\"{0}-heading\">{1}</h2>\n{2}</section>\n",
                       id, heading, body);
}

std::string paragraph(const std::string& html, const std::string& css = "") {
    return fmt::format("<p{}>{}</p>\n", css.empty() ? "" : " class=\"" + css + "\"", html);
}

// How a cell was trained, in words.
std::string training_of(const CellRow& cell, int chosen) {
    const int matched = matched_steps_of(cell.budget);
    if (matched > 0) return fmt::format("without DAGAN, steps of m = {}", matched);
    if (cell.generated_per_real == 0) return "without DAGAN";
    return fmt::format("with DAGAN, m = {}{}", cell.generated_per_real,
                       cell.generated_per_real == chosen ? " <strong>(chosen)</strong>" : "");
}

// What Table 1 shows of one (dataset, n): its rows, and m = 3, "the optimal number" of the paper, where another m was chosen.
std::vector<CellRow> cells_for_table1(const ReportData& data, const std::string& dataset, int n, int chosen) {
    std::vector<CellRow> shown;
    for (const auto& cell : data.cells) {
        if (cell.dataset != dataset || cell.samples_per_class != n) continue;
        const int m = cell.generated_per_real, matched = matched_steps_of(cell.budget);
        const bool wanted = m == 0 ? matched == 0 || matched == chosen : m == chosen || m == 3;
        if (wanted) shown.push_back(cell);
    }
    return shown;
}

std::string table1_section(const ReportData& data, const std::vector<std::string>& reduced) {
    std::map<std::pair<std::string, int>, int> chosen; // m* of each (dataset, n), 0 while there is none
    for (const auto& row : data.table1) {
        auto& m = chosen[{row.dataset, row.samples_per_class}];
        if (row.augmented) m = row.generated_per_real;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, m] : chosen) {
        for (const auto& cell : cells_for_table1(data, key.first, key.second, m)) {
            const auto published =
                matched_steps_of(cell.budget) > 0 || (cell.generated_per_real > 0 && cell.generated_per_real != m)
                    ? std::nullopt
                    : published_accuracy(cell.dataset, cell.samples_per_class, cell.generated_per_real > 0);
            rows.push_back({html_escaped(cell.dataset), std::to_string(cell.samples_per_class), training_of(cell, m),
                            fraction(cell.test_mean) + reduced_mark(reduced), seeds_text(cell.seeds, cell.missing),
                            interval(cell.test_low, cell.test_high), fraction(published), gain_text(cell)});
        }
    }
    const auto heading =
        fmt::format("published <small>{}</small>", kPublishedLabel.substr(std::string_view("published ").size()));
    std::string body = html_table("table1", "Test accuracy at the best validation epoch" + reduced_mark(reduced),
                                  {{"data set"},
                                   {"n", true},
                                   {"training"},
                                   {"mean", true},
                                   {"seeds", true},
                                   {"95 % interval", true},
                                   {heading, true},
                                   {"gain (95 % interval)", true}},
                                  rows);
    body += paragraph(
        "n: real training images per class. m: generated images per real one, chosen by mean validation accuracy alone. All runs "
        "take equal "
        "epochs, but for those that take as many steps as a run with DAGAN. Gain: difference to the run without DAGAN at equal "
        "epochs, paired by seed. Intervals: Student's t over the seeds.",
        "quiet");
    if (!reduced.empty())
        body += paragraph(fmt::format("Reduced: {}.", html_escaped(fmt::format("{}", fmt::join(reduced, ", ")))), "quiet");
    return section("table1", "Table 1", body);
}

std::string plots_section(const ReportData& data, const std::vector<std::string>& reduced) {
    std::string body = "<div class=\"grid\">\n";
    for (const auto& plot : accuracy_plots(data.cells, !reduced.empty())) body += "<figure>\n" + plot.svg + "</figure>\n";
    return section("plots", "Accuracy against generated images", body + "</div>\n");
}

std::string cells_section(const ReportData& data, const std::vector<std::string>& reduced) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& cell : data.cells) {
        rows.push_back({html_escaped(cell.dataset), std::to_string(cell.samples_per_class),
                        std::to_string(cell.generated_per_real), html_escaped(cell.budget), seeds_text(cell.seeds, cell.missing),
                        fraction(cell.validation_mean), fraction(cell.test_mean), fraction(cell.test_sd),
                        interval(cell.test_low, cell.test_high), gain_text(cell)});
    }
    return section("cells", "All cells",
                   html_table("cells", "Every configuration of the plan" + reduced_mark(reduced),
                              {{"data set"},
                               {"n", true},
                               {"m", true},
                               {"budget"},
                               {"seeds", true},
                               {"validation", true},
                               {"test", true},
                               {"sd", true},
                               {"95 % interval", true},
                               {"gain (95 % interval)", true}},
                              rows));
}

// At most `count` of the items, the first and the last among them.
std::vector<std::string> evenly(const std::vector<std::string>& items, size_t count) {
    if (items.size() <= count) return items;
    std::vector<std::string> some;
    for (size_t i = 0; i < count; ++i) some.push_back(items[i * (items.size() - 1) / (count - 1)]);
    return some;
}

std::string sample_sheet(const fs::path& campaign, const std::string& relative, const std::string& dataset) {
    const auto file = campaign / relative;
    if (!fs::is_regular_file(file))
        return fmt::format("<figure><figcaption>{} is no longer there.</figcaption></figure>\n", html_escaped(relative));
    return fmt::format(
        "<figure><img class=\"sheet\" src=\"{}\" alt=\"Real images of {} beside images that the DAGAN made from them\">"
        "<figcaption>{}</figcaption></figure>\n",
        png_data_uri(file), html_escaped(dataset), html_escaped(fs::path(relative).filename().string()));
}

// The checkpoint whose weights were taken, as the curve "chosen" tells: its only point.
std::optional<int64_t> chosen_iteration(const TrainedGan& gan) {
    const auto found = gan.curves.find("chosen");
    if (found == gan.curves.end() || found->second.empty()) return std::nullopt;
    return found->second.front().first;
}

// What was measured of the chosen checkpoint, in words: a generator that copies its condition scores well, so no number stands
// alone.
std::string chosen_text(const TrainedGan& gan, int64_t chosen) {
    std::vector<std::string> measured;
    for (const char* quantity : {"score", "validation_critic_loss", "spread", "distance", "z_diversity"}) {
        const auto curve = gan.curves.find(quantity);
        if (curve == gan.curves.end()) continue;
        for (const auto& [iteration, value] : curve->second) {
            if (iteration == chosen) measured.push_back(fmt::format("{} {:.4g}", quantity, value));
        }
    }
    return fmt::format("Chosen: the checkpoint after iteration {}{}{}.", chosen, measured.empty() ? "" : ": ",
                       fmt::join(measured, ", "));
}

std::string gan_part(const fs::path& campaign, const TrainedGan& gan, bool reduced) {
    std::string body =
        fmt::format("<h3>{} <span class=\"quiet\">({})</span></h3>\n", html_escaped(gan.dataset), html_escaped(gan.state));
    const std::optional<int64_t> chosen = chosen_iteration(gan);
    if (chosen) body += paragraph(chosen_text(gan, *chosen));
    body += "<div class=\"grid\">\n";
    std::vector<std::string> quantities;
    for (const auto& [quantity, curve] : gan.curves) {
        if (quantity != "chosen") quantities.push_back(quantity);
    }
    // What may choose the checkpoint comes first, then the critic, then the rest by name.
    const auto place = [](const std::string& quantity) {
        return quantity == "score" ? 0 : quantity == "validation_critic_loss" ? 1 : quantity == "critic_loss" ? 2 : 3;
    };
    std::stable_sort(quantities.begin(), quantities.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
    for (const auto& quantity : quantities) {
        const auto title = fmt::format("DAGAN of {}: {}{}", gan.dataset, quantity, reduced ? " (reduced)" : "");
        body += "<figure>\n" + curve_plot(title, "iteration", quantity, gan.curves.at(quantity), chosen) + "</figure>\n";
    }
    body += "</div>\n<div class=\"grid\">\n";
    for (const auto& sheet : evenly(gan.samples, kSheetsShown)) body += sample_sheet(campaign, sheet, gan.dataset);
    return body + "</div>\n";
}

std::string gans_section(const fs::path& campaign, const ReportData& data, bool reduced) {
    if (data.gans.empty()) return section("dagans", "DAGANs", paragraph("This sweep trains none."));
    std::string body = paragraph(
        "Each sheet shows real images beside images generated from them; score is the share of generated images that a "
        "classifier trained on real ones gives the class of their source. z_diversity: mean distance between images of one "
        "condition over that between images of different conditions; near 0 the noise is ignored.",
        "quiet");
    for (const auto& gan : data.gans) body += gan_part(campaign, gan, reduced);
    return section("dagans", "DAGANs", body);
}

std::string failures_section(const ReportData& data) {
    if (data.failures.empty()) return section("failures", "Failures", paragraph("No attempt failed."));
    std::vector<std::vector<std::string>> rows;
    for (const auto& failure : data.failures) {
        if (rows.size() == kFailuresShown) break;
        rows.push_back({html_escaped(failure.label), failure.task.substr(0, 8),
                        failure.outcome + (failure.final ? ", given up" : ", tried again"), html_escaped(failure.host),
                        html_escaped(failure.started), "<span class=\"error\">" + html_escaped(failure.error) + "</span>"});
    }
    return section("failures", "Failures",
                   html_table("failures",
                              fmt::format("{} of {} attempts that failed or diverged", rows.size(), data.failures.size()),
                              {{"task"}, {"key"}, {"outcome"}, {"host"}, {"started"}, {"reason"}}, rows));
}

std::string missing_section(const ReportData& data) {
    if (data.missing.empty()) return section("missing", "Missing", paragraph("Every planned classifier has its result."));
    std::vector<std::vector<std::string>> rows;
    for (const auto& trial : data.missing) {
        if (rows.size() == kMissingShown) break;
        const std::string state = !trial.outcome.empty() ? trial.outcome : trial.attempts > 0 ? "running or lost" : "not started";
        rows.push_back({html_escaped(trial.dataset), std::to_string(trial.samples_per_class),
                        std::to_string(trial.generated_per_real), std::to_string(trial.seed), html_escaped(trial.budget),
                        std::to_string(trial.attempts), state, "<span class=\"error\">" + html_escaped(trial.error) + "</span>"});
    }
    return section(
        "missing", "Missing",
        html_table(
            "missing", fmt::format("{} of {} planned classifiers without a result", rows.size(), data.missing.size()),
            {{"data set"}, {"n", true}, {"m", true}, {"seed", true}, {"budget"}, {"attempts", true}, {"state"}, {"reason"}},
            rows));
}

std::string provenance_section(const ReportData& data) {
    std::string body = fmt::format("<dl><dt>campaign</dt><dd>{}</dd><dt>program</dt><dd>{}</dd><dt>created</dt><dd>{}</dd>\n",
                                   html_escaped(data.campaign.name), html_escaped(data.campaign.code_version),
                                   html_escaped(data.campaign.created));
    for (const auto& [name, sha256] : data.dataset_sha256) {
        body += fmt::format("<dt>data set {}</dt><dd>{}</dd>\n", html_escaped(name),
                            sha256.empty() ? "hash unknown" : "sha256 " + html_escaped(sha256));
    }
    body += "</dl>\n";
    std::vector<std::vector<std::string>> hosts, costs;
    for (const auto& use : data.hosts) {
        hosts.push_back({html_escaped(use.host), use.device.empty() ? kDash : html_escaped(use.device),
                         std::to_string(use.attempts), fmt::format("{:.3f}", use.hours), html_escaped(use.first),
                         html_escaped(use.last)});
    }
    for (const auto& cost : data.costs) {
        costs.push_back({cost.kind, html_escaped(cost.device), std::to_string(cost.attempts), std::to_string(cost.steps),
                         fmt::format("{:.4g}", cost.seconds_per_step)});
    }
    if (!hosts.empty()) {
        body += html_table("hosts", "Where attempts ran",
                           {{"host"}, {"device"}, {"attempts", true}, {"hours", true}, {"first started"}, {"last ended"}}, hosts);
    }
    if (!costs.empty()) {
        body += html_table("costs", "What a step cost",
                           {{"kind"}, {"device"}, {"attempts", true}, {"steps", true}, {"seconds a step", true}}, costs);
    }
    body += "<details><summary>The sweep, complete</summary><pre tabindex=\"0\">" + html_escaped(data.campaign.sweep) +
            "</pre></details>\n";
    return section("provenance", "Provenance", body);
}

std::string page(const fs::path& campaign, const ReportData& data) {
    const auto reduced = reductions(data.sweep);
    const size_t planned = data.trials.size() + data.missing.size();
    std::string html =
        fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}: DAGAN sweep</title>\n"
                    "<link rel=\"icon\" href=\"data:,\">\n<style>\n{1}</style>\n</head>\n<body>\n"
                    "<a class=\"skip\" href=\"#table1\">Skip to Table 1</a>\n<header>\n<h1>{0}{2}</h1>\n",
                    html_escaped(data.campaign.name), report_css(), reduced_mark(reduced));
    html += paragraph(fmt::format(
        "{} of {} classifiers finished{}.", data.trials.size(), planned,
        data.missing.empty() ? "" : fmt::format("; <a class=\"missing\" href=\"#missing\">{} missing</a>", data.missing.size())));
    html += "<nav aria-label=\"Sections\"><ul><li><a href=\"#table1\">Table 1</a></li><li><a href=\"#plots\">Plots</a></li>"
            "<li><a href=\"#cells\">All cells</a></li><li><a href=\"#dagans\">DAGANs</a></li><li><a "
            "href=\"#failures\">Failures</a></li>"
            "<li><a href=\"#missing\">Missing</a></li><li><a "
            "href=\"#provenance\">Provenance</a></li></ul></nav>\n</header>\n<main>\n";
    html += table1_section(data, reduced) + plots_section(data, reduced) + cells_section(data, reduced);
    html += gans_section(campaign, data, !reduced.empty()) + failures_section(data) + missing_section(data) +
            provenance_section(data);
    return html + "</main>\n</body>\n</html>\n";
}

} // namespace

fs::path write_report(const fs::path& campaign) {
    const auto data = read_report_data(campaign / "results.sqlite");
    const auto path = campaign / "report" / "index.html";
    write_atomically(path, page(campaign, data));
    return path;
}

} // namespace dagan
