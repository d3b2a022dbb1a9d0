// The sections on the execution: timeline, cost, failures, missing results, provenance.
#include "base/duration.h"
#include "results/database/schema.h"
#include "results/output/html.h"
#include "results/report/report_sections.h"
#include "results/report/timeline.h"

#include <fmt/format.h>

#include <map>

namespace dagan::results {

namespace {

constexpr size_t kFailuresShown = 200;
constexpr size_t kMissingShown = 500;

std::string words(double seconds) {
    return duration_in_one_unit(static_cast<int64_t>(seconds * 1000));
}

std::string error_text(const std::string& error) {
    return error.empty() ? std::string(kDash)
                         : "<span class=\"error\">" + html_escaped(error) + "</span>";
}

// Totals of the tasks of one kind and data set; the times are of finished tasks only.
struct CostLine {
    int planned = 0, done = 0;
    double predicted_s = 0, actual_s = 0;
};

std::vector<std::string> cost_cells(const std::string& kind, const std::string& dataset,
                                    const CostLine& line, double uncertainty) {
    const double ratio = line.predicted_s > 0 ? line.actual_s / line.predicted_s : 0;
    const bool within = ratio >= 1 / uncertainty && ratio <= uncertainty;
    return {kind,
            html_escaped(dataset),
            fmt::format("{} of {}", line.done, line.planned),
            line.predicted_s > 0 ? words(line.predicted_s) : kDash,
            line.predicted_s > 0 ? fmt::format("{} to {}", words(line.predicted_s / uncertainty),
                                               words(line.predicted_s * uncertainty))
                                 : kDash,
            words(line.actual_s),
            ratio > 0 ? fmt::format("{:.2f}{}", ratio,
                                    within ? "" : " <span class=\"missing\">outside</span>")
                      : kDash};
}

} // namespace

std::string timeline_section(const ReportData& data) {
    const auto svg = timeline_svg(data.attempts);
    if (svg.empty()) return section("timeline", "Timeline", paragraph("No task has started yet."));
    std::string legend;
    for (const char* kind : {"selector", "gan", "pool", "classifier", "failed"})
        legend += fmt::format("<li><span class=\"swatch t-{0}\"></span>{0}</li>", kind);
    return section("timeline", "Timeline",
                   "<ul class=\"legend\" aria-label=\"Colours\">" + legend +
                       "</ul>\n<div class=\"scroll\" role=\"region\" aria-label=\"Timeline\" "
                       "tabindex=\"0\">\n" +
                       svg + "</div>\n");
}

std::string cost_section(const ReportData& data, const Prediction& predicted) {
    std::map<std::pair<std::string, std::string>, CostLine> lines;
    CostLine total;
    for (const auto& task : data.task_seconds) {
        const auto found = predicted.seconds.find(task.task);
        for (CostLine* line : {&lines[{task.kind, task.dataset}], &total}) {
            ++line->planned;
            if (!task.done) continue;
            ++line->done;
            line->actual_s += task.seconds;
            if (found != predicted.seconds.end()) line->predicted_s += found->second;
        }
    }
    std::vector<std::vector<std::string>> rows, steps;
    for (const auto& [name, line] : lines)
        rows.push_back(
            cost_cells(html_escaped(name.first), name.second, line, predicted.uncertainty));
    rows.push_back(cost_cells("<strong>all</strong>", "", total, predicted.uncertainty));
    std::string body =
        html_table("predicted", "Time of the finished tasks, over all their attempts",
                   {{"kind"},
                    {"data set"},
                    {"done", true},
                    {"predicted", true},
                    {"expected range", true},
                    {"actual", true},
                    {"actual / predicted", true}},
                   rows);
    body += paragraph(predicted.seconds.empty()
                          ? "Nothing was predicted for this campaign."
                          : fmt::format("Predicted by <code>dagan plan</code> (rate: {}), within a "
                                        "factor of {:g} either way.",
                                        html_escaped(predicted.source), predicted.uncertainty),
                      "quiet");
    for (const auto& cost : data.costs) {
        steps.push_back({html_escaped(cost.kind), html_escaped(cost.device),
                         std::to_string(cost.attempts), std::to_string(cost.steps),
                         fmt::format("{:.4g}", cost.seconds_per_step)});
    }
    if (!steps.empty()) {
        body += html_table(
            "costs", "Time per step",
            {{"kind"}, {"device"}, {"attempts", true}, {"steps", true}, {"seconds per step", true}},
            steps);
    }
    return section("cost", "Predicted and actual cost", body);
}

std::string failures_section(const ReportData& data) {
    if (data.failures.empty())
        return section("failures", "Failures", paragraph("No attempt failed."));
    std::vector<std::vector<std::string>> rows;
    for (const auto& failure : data.failures) {
        if (rows.size() == kFailuresShown) break;
        rows.push_back({html_escaped(failure.label), failure.task.substr(0, 8),
                        html_escaped(failure.outcome) + (failure.final ? ", final" : ", retried"),
                        html_escaped(failure.host), html_escaped(failure.started),
                        error_text(failure.error)});
    }
    return section("failures", "Failures",
                   html_table("failures",
                              fmt::format("{} of {} attempts that failed or diverged", rows.size(),
                                          data.failures.size()),
                              {{"task"}, {"key"}, {"outcome"}, {"host"}, {"started"}, {"reason"}},
                              rows));
}

std::string missing_section(const ReportData& data) {
    if (data.missing.empty())
        return section("missing", "Missing", paragraph("Every planned classifier has a result."));
    std::vector<std::vector<std::string>> rows;
    for (const auto& trial : data.missing) {
        if (rows.size() == kMissingShown) break;
        const std::string state = !trial.outcome.empty() ? html_escaped(trial.outcome)
                                  : trial.attempts > 0   ? "running or lost"
                                                         : "not started";
        rows.push_back({html_escaped(trial.dataset), std::to_string(trial.samples_per_class),
                        std::to_string(trial.generated_per_real), std::to_string(trial.seed),
                        html_escaped(trial.budget), std::to_string(trial.attempts), state,
                        error_text(trial.error)});
    }
    return section("missing", "Missing",
                   html_table("missing",
                              fmt::format("{} of {} planned classifiers without a result",
                                          rows.size(), data.missing.size()),
                              {{"data set"},
                               {"n", true},
                               {"m", true},
                               {"seed", true},
                               {"budget"},
                               {"attempts", true},
                               {"state"},
                               {"reason"}},
                              rows));
}

std::string provenance_section(const ReportData& data) {
    std::string body = fmt::format(
        "<dl><dt>campaign</dt><dd>{}</dd><dt>program</dt><dd>{}</dd><dt>created</dt><dd>{}</dd>\n",
        html_escaped(data.campaign.name), html_escaped(data.campaign.code_version),
        html_escaped(data.campaign.created));
    for (const auto& [name, sha256] : data.dataset_sha256) {
        body += fmt::format("<dt>data set {}</dt><dd>{}</dd>\n", html_escaped(name),
                            sha256.empty() ? "hash unknown" : "sha256 " + html_escaped(sha256));
    }
    body += "</dl>\n";
    std::vector<std::vector<std::string>> hosts;
    for (const auto& use : data.hosts) {
        hosts.push_back({html_escaped(use.host),
                         use.device.empty() ? kDash : html_escaped(use.device),
                         std::to_string(use.attempts), fmt::format("{:.3f}", use.hours),
                         html_escaped(use.first), html_escaped(use.last)});
    }
    if (!hosts.empty()) {
        body += html_table("hosts", "Hosts and devices",
                           {{"host"},
                            {"device"},
                            {"attempts", true},
                            {"hours", true},
                            {"first started"},
                            {"last ended"}},
                           hosts);
    }
    body += "<details><summary>The complete sweep</summary><pre tabindex=\"0\">" +
            html_escaped(data.campaign.sweep) + "</pre></details>\n";
    return section("provenance", "Provenance", body);
}

} // namespace dagan::results
