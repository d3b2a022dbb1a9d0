// The sections on accuracy: Table 1, plots, choice of m, all cells.
#include "results/output/html.h"
#include "results/output/plot.h"
#include "results/query/cells.h"
#include "results/query/published.h"
#include "results/report/report_sections.h"
#include "results/statistics/significance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dagan::results {

namespace {

using Group = std::pair<std::string, int>; // data set, n

std::string signed_interval(const std::optional<double>& mean, const std::optional<double>& low,
                            const std::optional<double>& high) {
    if (!mean) return kDash;
    if (!low) return fmt::format("{:+.4f}", *mean);
    return fmt::format("{:+.4f} ({:+.4f} to {:+.4f})", *mean, *low, *high);
}

// Returns m* of each (data set, n); 0 if no augmented trial has finished.
std::map<Group, int> chosen_of(const ReportData& data) {
    std::map<Group, int> chosen;
    for (const auto& row : data.table1) {
        auto& m = chosen[{row.dataset, row.samples_per_class}];
        if (row.augmented) m = row.generated_per_real;
    }
    return chosen;
}

// Describes how a cell was trained. HTML.
std::string training_of(const CellRow& cell, int chosen) {
    const int matched = matched_steps_of(cell.budget);
    if (matched > 0) return fmt::format("without DAGAN, steps of m = {}", matched);
    if (cell.generated_per_real == 0) return "without DAGAN";
    return fmt::format("with DAGAN, m = {}{}", cell.generated_per_real,
                       cell.generated_per_real == chosen ? " <strong>(chosen)</strong>" : "");
}

// Returns the cells that Table 1 shows for one (data set, n): the baselines, m*, and m = 3, the
// paper's "optimal number", if another m was chosen.
std::vector<CellRow> cells_for_table1(const ReportData& data, const Group& group, int chosen) {
    std::vector<CellRow> shown;
    for (const auto& cell : data.cells) {
        if (cell.dataset != group.first || cell.samples_per_class != group.second) continue;
        const int m = cell.generated_per_real, matched = matched_steps_of(cell.budget);
        const bool wanted = m == 0 ? matched == 0 || matched == chosen : m == chosen || m == 3;
        if (wanted) shown.push_back(cell);
    }
    return shown;
}

// The gains of the chosen m. Tests against equal epochs are one family, tests against equal steps
// another; each is adjusted over the whole table.
class ChosenGains {
  public:
    ChosenGains(const ReportData& data, const std::map<Group, int>& chosen) {
        for (const bool steps : {false, true}) {
            std::vector<const GainRow*> family;
            std::vector<std::optional<double>> p;
            for (const auto& gain : data.gains) {
                const auto found = chosen.find({gain.dataset, gain.samples_per_class});
                if (found == chosen.end() || found->second != gain.generated_per_real ||
                    (gain.against != "epochs") != steps)
                    continue;
                family.push_back(&gain);
                p.push_back(gain.p);
            }
            const auto adjusted = holm_adjusted(p);
            for (size_t i = 0; i < family.size(); ++i)
                gains_[{family[i]->dataset, family[i]->samples_per_class, steps}] = {family[i],
                                                                                     adjusted[i]};
        }
    }

    // Returns "+0.0312 (+0.0101 to +0.0523), p = 0.01", bold if significant; a dash if the gain was
    // not planned or has no result.
    std::string text(const CellRow& cell, bool steps) const {
        const auto found = gains_.find({cell.dataset, cell.samples_per_class, steps});
        if (found == gains_.end() || !found->second.first->mean) return kDash;
        const auto& [gain, p] = found->second;
        const auto numbers = signed_interval(gain->mean, gain->low, gain->high);
        if (!p) return numbers;
        const auto test = fmt::format("p {}", p_text(p));
        return numbers + (*p < kSignificance
                              ? ", <strong class=\"significant\">" + test + "</strong>"
                              : ", " + test);
    }

  private:
    std::map<std::tuple<std::string, int, bool>, std::pair<const GainRow*, std::optional<double>>>
        gains_;
};

std::vector<std::string> table1_line(const ReportData& data, const CellRow& cell, int chosen,
                                     const ChosenGains& gains) {
    const bool is_chosen = cell.generated_per_real > 0 && cell.generated_per_real == chosen;
    const bool has_published =
        matched_steps_of(cell.budget) == 0 && (cell.generated_per_real == 0 || is_chosen);
    const auto published = has_published ? published_accuracy(cell.dataset, cell.samples_per_class,
                                                              cell.generated_per_real > 0)
                                         : std::nullopt;
    return {html_escaped(cell.dataset),
            std::to_string(cell.samples_per_class),
            training_of(cell, chosen),
            fraction(cell.test_mean) + reduced_mark(data),
            seeds_text(cell.seeds, cell.missing),
            interval(cell.test_low, cell.test_high),
            fraction(published),
            is_chosen ? gains.text(cell, false)
                      : signed_interval(cell.gain_mean, cell.gain_low, cell.gain_high),
            is_chosen ? gains.text(cell, true) : kDash};
}

} // namespace

std::string table1_section(const ReportData& data) {
    const auto chosen = chosen_of(data);
    const ChosenGains gains(data, chosen);
    std::vector<std::vector<std::string>> rows;
    for (const auto& [group, m] : chosen) {
        for (const auto& cell : cells_for_table1(data, group, m))
            rows.push_back(table1_line(data, cell, m, gains));
    }
    const auto heading = fmt::format("published <small>{}</small>",
                                     kPublishedLabel.substr(std::string_view("published ").size()));
    std::string body =
        html_table("table1", "Test accuracy at the best validation epoch" + reduced_mark(data),
                   {{"data set"},
                    {"n", true},
                    {"training"},
                    {"mean", true},
                    {"seeds", true},
                    {"95 % interval", true},
                    {heading, true},
                    {"gain over equal epochs", true},
                    {"gain over equal steps", true}},
                   rows);
    body += paragraph("n: real training images per class. m: generated images per real image, "
                      "chosen by mean validation accuracy alone. All runs train for the same "
                      "number of epochs, except those that take as many steps as a run with DAGAN. "
                      "Gain: difference from the run without DAGAN, paired by seed, with a 95 % "
                      "interval. Intervals: Student's t over the seeds. p: two-sided paired t "
                      "test, adjusted by Holm's method over the chosen rows of the table; bold "
                      "below 0.05.",
                      "quiet");
    if (!data.reduced)
        body += paragraph("The sweep was written by another version of this program; whether it "
                          "is reduced is unknown.",
                          "quiet");
    else if (!data.reduced->empty())
        body +=
            paragraph(fmt::format("Reduced: {}.",
                                  html_escaped(fmt::format("{}", fmt::join(*data.reduced, ", ")))),
                      "quiet");
    return section("table1", "Table 1", body);
}

std::string plots_section(const ReportData& data) {
    std::string body = "<div class=\"grid\">\n";
    const bool reduced = data.reduced && !data.reduced->empty();
    for (const auto& plots :
         {gain_plots(data.gains, data.choices, reduced), accuracy_plots(data.cells, reduced)}) {
        for (const auto& plot : plots) body += "<figure>\n" + plot.svg + "</figure>\n";
    }
    return section("plots", "Accuracy against generated images", body + "</div>\n");
}

std::string choices_section(const ReportData& data) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& choice : data.choices) {
        const bool could_be = choice.behind_low && *choice.behind_low <= 0;
        rows.push_back(
            {html_escaped(choice.dataset), std::to_string(choice.samples_per_class),
             std::to_string(choice.generated_per_real), seeds_text(choice.seeds, choice.missing),
             fraction(choice.mean), interval(choice.low, choice.high),
             choice.chosen
                 ? "<strong>chosen</strong>"
                 : signed_interval(choice.behind_mean, choice.behind_low, choice.behind_high),
             could_be ? "could be the best" : ""});
    }
    std::string body = paragraph("m is chosen by validation accuracy. If the interval of \"behind "
                                 "the chosen\" contains 0, the seeds do not distinguish the two.",
                                 "quiet");
    body += "<details><summary>Validation accuracy of every m</summary>\n" +
            html_table("choices", "Validation accuracy at the best epoch, and the m it chooses",
                       {{"data set"},
                        {"n", true},
                        {"m", true},
                        {"seeds", true},
                        {"validation", true},
                        {"95 % interval", true},
                        {"behind the chosen", true},
                        {""}},
                       rows) +
            "</details>\n";
    return section("choices", "Choice of m", body);
}

std::string cells_section(const ReportData& data) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& cell : data.cells) {
        rows.push_back({html_escaped(cell.dataset), std::to_string(cell.samples_per_class),
                        std::to_string(cell.generated_per_real), html_escaped(cell.budget),
                        seeds_text(cell.seeds, cell.missing), fraction(cell.validation_mean),
                        fraction(cell.test_mean), fraction(cell.test_sd),
                        interval(cell.test_low, cell.test_high),
                        signed_interval(cell.gain_mean, cell.gain_low, cell.gain_high)});
    }
    return section("cells", "All cells",
                   "<details open><summary>Every planned configuration</summary>\n" +
                       html_table("cells", "Means over the seeds" + reduced_mark(data),
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
                                  rows) +
                       "</details>\n");
}

} // namespace dagan::results
