#include "results/report/report.h"

#include "base/file.h"
#include "results/database/schema.h"
#include "results/output/html.h"
#include "results/report/report_data.h"
#include "results/report/report_sections.h"
#include "spec/campaign_paths.h"

#include <fmt/format.h>

#include <vector>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

struct Section {
    const char *id, *name;
};
constexpr Section kSections[] = {{"table1", "Table 1"},      {"plots", "Plots"},
                                 {"choices", "Choice of m"}, {"cells", "All cells"},
                                 {"dagans", "DAGANs"},       {"timeline", "Timeline"},
                                 {"cost", "Cost"},           {"failures", "Failures"},
                                 {"missing", "Missing"},     {"provenance", "Provenance"}};

std::string head(const ReportData& data, int refresh_s) {
    const auto refresh =
        refresh_s > 0 ? fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", refresh_s)
                      : "";
    return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, "
                       "initial-scale=1\">\n{}<title>{}: DAGAN sweep</title>\n"
                       "<link rel=\"icon\" href=\"data:,\">\n<style>\n{}</style>\n</head>\n",
                       refresh, html_escaped(data.campaign.name), report_css());
}

std::string state_of(const ReportData& data) {
    const size_t planned = data.trials.size() + data.missing.size();
    const auto missing =
        data.missing.empty()
            ? ""
            : fmt::format("; <a class=\"missing\" href=\"#missing\">{} missing</a>",
                          data.missing.size());
    const auto when =
        data.latest.empty()
            ? ""
            : fmt::format(" As of {}.", html_escaped(data.latest.substr(0, 19) + "Z"));
    return paragraph(fmt::format("{} of {} classifiers finished{}.{}", data.trials.size(), planned,
                                 missing, when));
}

std::string header(const ReportData& data, int refresh_s) {
    std::string html = fmt::format(
        "<a class=\"skip\" href=\"#table1\">Skip to Table 1</a>\n<header>\n<h1>{}{}</h1>\n",
        html_escaped(data.campaign.name), reduced_mark(data));
    html += state_of(data);
    if (refresh_s > 0)
        html += paragraph(fmt::format("Live: updated and reloaded every {} s.", refresh_s),
                          "quiet live");
    html += "<nav aria-label=\"Sections\"><ul>";
    for (const auto& part : kSections)
        html += fmt::format("<li><a href=\"#{}\">{}</a></li>", part.id, part.name);
    return html + "</ul></nav>\n</header>\n";
}

std::string page(const fs::path& campaign, const ReportData& data, const ReportOptions& options) {
    std::string html =
        head(data, options.refresh_s) + "<body>\n" + header(data, options.refresh_s) + "<main>\n";
    html +=
        table1_section(data) + plots_section(data) + choices_section(data) + cells_section(data);
    html += gans_section(campaign, data) + timeline_section(data) +
            cost_section(data, options.predicted);
    html += failures_section(data) + missing_section(data) + provenance_section(data);
    return html + "</main>\n</body>\n</html>\n";
}

} // namespace

fs::path write_report(const fs::path& campaign, const ReportOptions& options) {
    return write_report(CampaignPaths(campaign).database(), campaign, options);
}

fs::path write_report(const Location& database, const fs::path& campaign,
                      const ReportOptions& options) {
    const auto data = read_report_data(database);
    const auto path = CampaignPaths(campaign).report();
    write_atomically(path, page(campaign, data, options));
    return path;
}

} // namespace dagan::results
