// The report's section about the DAGANs: curves, what was measured of the chosen checkpoint, sample sheets over training.
#include "results/output/html.h"
#include "results/output/plot.h"
#include "results/report/report_sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

constexpr size_t kSheetsShown = 8; // of each DAGAN, evenly over its training
constexpr uintmax_t kSheetBytes =
    2'400'000; // of all of them: base64 adds a third, and the page stays below 5 MB

// At most `count` of the items, the first and the last among them.
std::vector<std::string> evenly(const std::vector<std::string>& items, size_t count) {
    if (items.size() <= count) return items;
    std::vector<std::string> some;
    for (size_t i = 0; i < count; ++i)
        some.push_back(items[count == 1 ? items.size() - 1 : i * (items.size() - 1) / (count - 1)]);
    return some;
}

uintmax_t bytes_of(const fs::path& campaign, const std::vector<std::string>& sheets) {
    uintmax_t bytes = 0;
    for (const auto& sheet : sheets) {
        if (const auto file = file_in(campaign, sheet)) bytes += fs::file_size(*file);
    }
    return bytes;
}

// As many as fit into the page, but always the last.
std::vector<std::string> shown_sheets(const fs::path& campaign,
                                      const std::vector<std::string>& sheets, uintmax_t limit) {
    for (size_t count = kSheetsShown; count > 1; --count) {
        auto some = evenly(sheets, count);
        if (bytes_of(campaign, some) <= limit) return some;
    }
    return evenly(sheets, 1);
}

std::string sample_sheet(const fs::path& campaign, const std::string& relative,
                         const std::string& dataset) {
    const auto file = file_in(campaign, relative);
    if (!file)
        return fmt::format("<figure><figcaption>{} is no longer there.</figcaption></figure>\n",
                           html_escaped(relative));
    const auto iteration = iteration_of(relative);
    return fmt::format("<figure><img class=\"sheet\" src=\"{}\" alt=\"Real images of {} beside "
                       "images that the DAGAN made from them after "
                       "{} iterations\"><figcaption>iteration {}</figcaption></figure>\n",
                       png_data_uri(*file), html_escaped(dataset), iteration, iteration);
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
    for (const char* quantity :
         {"score", "validation_critic_loss", "spread", "distance", "z_diversity"}) {
        const auto curve = gan.curves.find(quantity);
        if (curve == gan.curves.end()) continue;
        for (const auto& [iteration, value] : curve->second) {
            if (iteration == chosen) measured.push_back(fmt::format("{} {:.4g}", quantity, value));
        }
    }
    return fmt::format("Chosen: the checkpoint after iteration {}{}{}.", chosen,
                       measured.empty() ? "" : ": ", fmt::join(measured, ", "));
}

// What may choose the checkpoint comes first, then the critic and whether the noise is used, then the rest by name.
std::vector<std::string> quantities_of(const TrainedGan& gan) {
    std::vector<std::string> quantities;
    for (const auto& [quantity, curve] : gan.curves) {
        if (quantity != "chosen") quantities.push_back(quantity);
    }
    const auto place = [](const std::string& quantity) {
        constexpr std::string_view kFirst[] = {"score", "validation_critic_loss", "critic_loss",
                                               "z_diversity"};
        return std::find(std::begin(kFirst), std::end(kFirst), quantity) - std::begin(kFirst);
    };
    std::stable_sort(quantities.begin(), quantities.end(),
                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
    return quantities;
}

std::string gan_part(const fs::path& campaign, const TrainedGan& gan, bool reduced,
                     uintmax_t limit) {
    std::string body = fmt::format("<h3>{} <span class=\"quiet\">({})</span></h3>\n",
                                   html_escaped(gan.dataset), html_escaped(gan.state));
    const std::optional<int64_t> chosen = chosen_iteration(gan);
    if (chosen) body += paragraph(chosen_text(gan, *chosen));
    body += "<div class=\"grid\">\n";
    for (const auto& quantity : quantities_of(gan)) {
        const auto title =
            fmt::format("DAGAN of {}: {}{}", gan.dataset, quantity, reduced ? " (reduced)" : "");
        body += "<figure>\n" +
                curve_plot(title, "iteration", quantity, gan.curves.at(quantity), chosen) +
                "</figure>\n";
    }
    body += "</div>\n<div class=\"sheets\">\n";
    const auto sheets = shown_sheets(campaign, gan.samples, limit);
    for (const auto& sheet : sheets) body += sample_sheet(campaign, sheet, gan.dataset);
    body += "</div>\n";
    if (sheets.size() < gan.samples.size())
        body += paragraph(fmt::format("{} of {} sample sheets; the others are in the campaign's "
                                      "folder <code>samples</code>.",
                                      sheets.size(), gan.samples.size()),
                          "quiet");
    return body;
}

} // namespace

std::string gans_section(const fs::path& campaign, const ReportData& data) {
    if (data.gans.empty()) return section("dagans", "DAGANs", paragraph("This sweep trains none."));
    std::string body = paragraph(
        "Each sheet shows real images beside images generated from them; score is the share of "
        "generated images that a "
        "classifier trained on real ones gives the class of their source. z_diversity: mean "
        "distance between images of one "
        "condition over that between images of different conditions; near 0 the noise is ignored.",
        "quiet");
    const bool reduced = data.reduced && !data.reduced->empty();
    for (const auto& gan : data.gans)
        body += gan_part(campaign, gan, reduced, kSheetBytes / data.gans.size());
    return section("dagans", "DAGANs", body);
}

} // namespace dagan::results
