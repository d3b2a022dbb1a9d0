// The section on the DAGANs: curves, metrics of the chosen checkpoint, contact sheets over
// training.
#include "results/output/html.h"
#include "results/output/plot.h"
#include "results/report/report_sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

// Sheets of each DAGAN, evenly spaced over its training.
constexpr size_t kSheetsShown = 8;
// Of all sheets together. Base64 adds a third; this keeps the page below 5 MB.
constexpr uintmax_t kSheetBytes = 2'400'000;

// Returns at most `count` items, including the first and the last (the last alone if `count` is 1).
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

// Returns as many sheets as `limit` bytes allow, always including the last.
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
        return fmt::format("<figure><figcaption>{} no longer exists.</figcaption></figure>\n",
                           html_escaped(relative));
    const auto iteration = iteration_of(relative);
    return fmt::format("<figure><img class=\"sheet\" src=\"{}\" alt=\"Real images of {} beside "
                       "images that the DAGAN generated from them after {} iterations\">"
                       "<figcaption>iteration {}</figcaption></figure>\n",
                       png_data_uri(*file), html_escaped(dataset), iteration, iteration);
}

// Returns the iteration of the chosen checkpoint: the only point of the curve "chosen".
std::optional<int64_t> chosen_iteration(const TrainedGan& gan) {
    const auto found = gan.curves.find("chosen");
    if (found == gan.curves.end() || found->second.empty()) return std::nullopt;
    return found->second.front().first;
}

// Describes the chosen checkpoint by all its metrics: a generator that copies its condition scores
// well, so the score alone would mislead.
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

// Returns the plotted quantities: first those that can choose the checkpoint, then the critic's
// loss and the use of the noise, then the rest by name.
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
        body += paragraph(fmt::format("{} of {} contact sheets; the others are in the campaign's "
                                      "folder <code>samples</code>.",
                                      sheets.size(), gan.samples.size()),
                          "quiet");
    return body;
}

} // namespace

std::string gans_section(const fs::path& campaign, const ReportData& data) {
    if (data.gans.empty())
        return section("dagans", "DAGANs", paragraph("This sweep trains no DAGAN."));
    std::string body = paragraph(
        "Each contact sheet shows real images beside images generated from them. score: the "
        "share of generated images that a classifier trained on real images assigns to the class "
        "of their source image. z_diversity: the mean distance between images of one condition, "
        "divided by that between images of different conditions; near 0, the generator ignores "
        "the noise.",
        "quiet");
    const bool reduced = data.reduced && !data.reduced->empty();
    for (const auto& gan : data.gans)
        body += gan_part(campaign, gan, reduced, kSheetBytes / data.gans.size());
    return section("dagans", "DAGANs", body);
}

} // namespace dagan::results
